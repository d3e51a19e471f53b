// What happened since the page was opened: backends that changed, sessions that failed, or all that ended.

import {$, clock, element, kindOfEnd} from "./words.js";

const KEPT = 200;
let lost = 0;

function line(text, kind) {
  const made = element("li"), list = $("news");
  made.append(element("time", "", clock()), element("span", `text ${kind || ""}`, text));
  list.prepend(made);
  while (list.children.length > KEPT) list.lastChild.remove();
}

export function backendChanged(told) {
  const where = told.protocol ? ` for ${told.protocol}` : "";
  line(`${told.pool}/${told.backend} is ${told.state}${where}` + (told.reason ? `: ${told.reason}` : ""), told.state);
}

export function sessionEnded(told) {
  const kind = kindOfEnd(told.end);
  if (kind === "caller" && !$("every-end").checked) return;
  const at = told.backend ? ` on ${told.pool}/${told.backend}` : ` in ${told.pool}, without a backend`;
  line(`session ${told.session} of ${told.client}${at} ended by ${told.end} after ${told.duration_s} s`, kind === "failed" ? "down" : "");
}

export function newsLost(told) {
  lost += told.lost;
  $("news-title").textContent = `What happened (${lost} too fast to tell)`;
}
