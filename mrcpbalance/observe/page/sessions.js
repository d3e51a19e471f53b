// The live sessions: a table that can be searched; each opens its detail.

import {ask} from "./ask.js";
import {$, age, cell, element} from "./words.js";

const SHOWN = 200;
let before = "", busy = false, again = false;

function shown(one, open) {
  const row = element("tr"), id = cell(row, "Id", "", "broad"), link = element("button", "link", one.id);
  link.type = "button";
  link.dataset.session = one.id;
  link.onclick = () => open(one.id);
  id.append(link);
  cell(row, "Protocol", one.protocol);
  cell(row, "Caller", one.client);
  cell(row, "Backend", one.backend ? `${one.pool}/${one.backend}` : "–");
  cell(row, "Resources", one.resources.join(", ") || "–");
  cell(row, "Age", age(one.age_s), "num");
  cell(row, "Set-up", one.setup_ms === null ? "…" : `${one.setup_ms} ms`, "num");
  cell(row, "Messages", `${one.messages_to_backend} → ${one.messages_to_client} ←`, "num");
  cell(row, "Ids its caller knows", one.keys.join(", "), "broad keys");
  return row;
}

function show(answer, open) {
  const focus = document.activeElement?.dataset?.session, body = element("tbody");
  body.id = "sessions";
  body.append(...answer.sessions.map(one => shown(one, open)));
  $("sessions").replaceWith(body);
  if (focus) document.querySelector(`[data-session="${CSS.escape(focus)}"]`)?.focus();
  const count = answer.sessions.length;
  $("more").textContent = count < answer.total ? `${count} of ${answer.total} live sessions are shown.` : "";
}

// Asks for what is searched for now; while an answer is under way only the last wish counts.
export async function refreshSessions(open) {
  again = busy;
  if (busy) return;
  busy = true;
  try {
    do {
      again = false;
      before = $("search").value.trim();
      show(await ask(`/api/v1/sessions?limit=${SHOWN}&search=${encodeURIComponent(before)}`), open);
    } while (again && $("search").value.trim() !== before);
  } finally {
    busy = false;
  }
}
