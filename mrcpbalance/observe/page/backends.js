// The table of backends: state, load, how quick they are, and the orders that can be given.

import {ask} from "./ask.js";
import {$, cell, duration, element, standsOut} from "./words.js";

const ORDERS = {up: ["drain", "disable"], down: ["drain", "disable"], probation: ["drain", "disable"]};

function capacity(most) {
  if (most === null) return null;
  return typeof most === "number" ? most : Object.values(most).reduce((a, b) => a + b, 0);
}

function meter(td, taken, most) {
  if (most === null) {
    td.textContent = "no limit";
    return;
  }
  const frame = element("span", "meter"), bar = element("i", taken >= most ? "full" : "");
  bar.style.width = `${Math.min(100, (100 * taken) / most)}%`;
  frame.append(bar);
  td.append(frame, ` of ${most}`);
}

function button(td, pool, backend, order, complain) {
  const made = element("button", "", order);
  made.type = "button";
  made.dataset.order = `${pool}/${backend}/${order}`;
  made.setAttribute("aria-label", `${order} ${pool}/${backend}`);
  made.onclick = async () => {
    if (order === "disable" && !confirm(`End the live sessions of ${pool}/${backend} now?`)) return;
    try {
      await ask(`/api/v1/pools/${encodeURIComponent(pool)}/backends/${encodeURIComponent(backend)}/${order}`, {method: "POST"});
    } catch (error) {
      complain(error);
    }
  };
  td.append(made, " ");
}

// How quick it is: of what kind of request, if not set-up; how long; how far it stands out.
function timing(row, name, kind, text, times, title) {
  const td = cell(row, name, "", "num");
  if (kind) td.append(element("span", "kind", kind));
  td.append(text);
  if (title) td.title = title;
  if (times) {
    td.classList.add("slow");
    td.append(" ", element("span", "mark", standsOut(times)));
  }
}

// Each address once, with the protocols spoken there; a state only where it isn't the backend's.
function addresses(backend) {
  const there = {};
  for (const [name, one] of Object.entries(backend.protocols)) {
    (there[one.address] ||= []).push(name + (one.state === backend.state ? "" : ` (${one.state})`));
  }
  return Object.entries(there).map(([address, names]) => `${address} ${names.join(", ")}`).join("; ");
}

function requestTitle(history) {
  if (!history) return "";
  return Object.entries(history.recent.requests).map(([method, its]) => `${method}: ${its.count}, ${duration(its.mean_ms)} on average`).join("\n");
}

// Draws all rows anew; `judged` gives what is known of how quick a backend is. Gives the sums.
export function showBackends(pools, judged, complain) {
  const focus = document.activeElement?.dataset?.order, body = element("tbody");
  const sum = {sessions: 0, up: 0, all: 0};
  for (const pool of pools) {
    for (const backend of pool.backends) {
      const row = body.insertRow(), known = judged(pool.name, backend.name);
      sum.sessions += backend.sessions;
      sum.all += backend.removed ? 0 : 1;
      sum.up += backend.state === "up";
      cell(row, "Backend", `${pool.name}/${backend.name}` + (backend.standby ? " (standby)" : ""), "broad");
      cell(row, "State", "").append(element("span", `state ${backend.state}`, backend.state + (backend.removed ? " (taken out)" : "")));
      cell(row, "Sessions", backend.sessions, "num");
      meter(cell(row, "Capacity", ""), backend.sessions, capacity(backend.max_sessions));
      timing(row, "Set-up, p95", "", duration(known?.p95), known?.setup);
      const request = known?.request;
      timing(row, "Requests", request?.method, request ? duration(request.mean) : "–", request?.times, requestTitle(known?.history));
      cell(row, "Failures", backend.failures, "num");
      const orders = cell(row, "Orders", "", "broad");
      for (const order of backend.removed ? ["disable"] : ORDERS[backend.state] || ["enable"]) button(orders, pool.name, backend.name, order, complain);
      cell(row, "Addresses", addresses(backend), "broad addresses");
    }
  }
  body.id = "backends";
  $("backends").replaceWith(body);
  if (focus) document.querySelector(`[data-order="${CSS.escape(focus)}"]`)?.focus();
  return sum;
}
