// The ladder: each message as an arrow between caller, proxy and backend. One that is passed on stands on one line.

import {$, clock, element} from "./words.js";

const KEPT = 500, TOGETHER = 0.05; // rows; seconds between a message and its passing on
// direction: lane, which way the arrow points, and the direction that completes the same line
const WAYS = {
  "from-client": {lane: 0, way: "right", then: "to-backend"},
  "to-backend": {lane: 1, way: "right", then: null},
  "from-backend": {lane: 1, way: "left back", then: "to-client"},
  "to-client": {lane: 0, way: "left back", then: null},
};
let last = null; // the message whose passing on may follow, and its row

function fill(lane, told) {
  const main = told.mrcp || told.line || `${told.octets} octets`;
  const said = element("span", "said", main);
  said.title = [told.line, told.mrcp, `${told.octets} octets, ${told.body} of them body`, told.remote].filter(Boolean).join("\n");
  if (told.mrcp) said.append(" ", element("span", "via", told.line));
  lane.append(said, element("span", `arrow ${WAYS[told.direction].way}`));
}

function append(row) {
  const list = $("ladder"), following = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  list.append(row);
  while (list.children.length > KEPT) list.firstChild.remove();
  if (following) list.scrollTop = list.scrollHeight;
}

export function addMessage(told) {
  const its = WAYS[told.direction];
  if (last?.then === told.direction && last.protocol === told.protocol && told.time - last.time < TOGETHER) {
    fill(last.row.children[1 + its.lane], told);
    last = null;
    return;
  }
  const row = element("li");
  row.append(element("time", "", clock(new Date(told.time * 1000), 3)), element("div", "lane"), element("div", "lane"));
  fill(row.children[1 + its.lane], told);
  append(row);
  // An answer of our own may come between a message and its passing on, as the 200 to a BYE does.
  if (its.then) last = {then: its.then, protocol: told.protocol, time: told.time, row};
}

export function addNote(text) {
  const row = element("li");
  row.append(element("span", "note", text));
  append(row);
  last = null;
}

export function clearLadder() {
  $("ladder").replaceChildren();
  last = null;
}
