// One session: what is known of it, why it sits where it does, and its messages as they pass.

import {ask, events} from "./ask.js";
import {clearLadder, addMessage, addNote} from "./ladder.js";
import {$, age, element} from "./words.js";

let watching = null; // stops the stream of the session that is shown

function fact(name, text, broad) {
  const made = element("div", broad ? "broad" : "");
  made.append(element("dt", "", name), element("dd", "", text));
  return made;
}

function showFacts(told) {
  const one = told.session;
  $("detail-title").textContent = `Session ${one.id}`;
  $("detail-backend").textContent = one.backend || "Backend";
  $("facts").replaceChildren(
    fact("Caller", one.client),
    fact("Protocol", one.protocol),
    fact("Backend", one.backend ? `${one.pool}/${one.backend}` : "–"),
    fact("Resources", one.resources.join(", ") || "–"),
    fact("Started", new Date(one.started).toLocaleString()),
    fact("Age", age(one.age_s)),
    fact("Set-up", one.setup_ms === null ? "…" : `${one.setup_ms} ms`),
    fact("Messages", `${one.messages_to_backend} → ${one.messages_to_client} ←`),
    fact("Why there", told.why, true),
    fact("Ids its caller knows", one.keys.join(", ") || "–", true),
  );
}

async function listen(id, signal) {
  for await (const {name, data} of events(`/api/v1/sessions/${encodeURIComponent(id)}/messages`, {signal})) {
    if (name === "message") addMessage(data);
    else if (name === "dropped") addNote(`${data.messages} messages came too fast to be shown`);
    else if (name === "end") {
      addNote(`ended: ${data.end}`);
      $("detail-state").textContent = `ended: ${data.end}`;
    }
  }
}

export async function openDetail(id) {
  watching?.abort();
  watching = new AbortController();
  const {signal} = watching;
  clearLadder();
  $("facts").replaceChildren();
  $("detail-title").textContent = `Session ${id}`;
  $("detail-state").textContent = "live";
  if (!$("detail").open) $("detail").showModal();
  try {
    showFacts(await ask(`/api/v1/explain/${encodeURIComponent(id)}`));
    await listen(id, signal);
  } catch (error) {
    if (signal.aborted) return;
    $("detail-state").textContent = error.message;
    if (!$("ladder").children.length) addNote("No messages can be shown.");
  }
}

$("detail-close").onclick = () => $("detail").close();
$("detail").addEventListener("close", () => watching?.abort());
