// The page: news come by a stream, the history every few seconds, sessions every second while somebody looks.

import {ask, events} from "./ask.js";
import {showBackends} from "./backends.js";
import {openDetail} from "./detail.js";
import {backendChanged, newsLost, sessionEnded} from "./news.js";
import {showPlots} from "./plots.js";
import {refreshSessions} from "./sessions.js";
import {judge} from "./slowness.js";
import {$} from "./words.js";

const SESSIONS = 1000, HISTORY = 2500, RETRY = 1000; // ms
let standing = null; // the last pools that were told
let history = {step_s: 5, steps: 0, backends: []};
let verdicts = new Map();

const stateOf = (pool, backend) => standing?.pools.find(one => one.name === pool)?.backends.find(one => one.name === backend)?.state;
const judged = (pool, backend) => verdicts.get(`${pool}\n${backend}`);

function complain(error) {
  const told = error.message || String(error);
  $("summary").textContent = ["Failed to fetch", "network error"].includes(told) ? "The proxy doesn't answer." : told;
  $("summary").className = "error";
}

function pulse(live) {
  $("pulse").textContent = live ? "live" : "no connection";
  $("pulse").className = live ? "pill live" : "pill lost";
}

function show() {
  if (!standing) return;
  const sum = showBackends(standing.pools, judged, complain);
  const text = (standing.draining ? "Draining. " : "") + `${sum.up} of ${sum.all} backends up, ${sum.sessions} live sessions.`;
  if ($("summary").textContent !== text) $("summary").textContent = text;
  $("summary").className = "";
}

// A state is shown at once; whatever else changed comes with the next look at all pools.
function changed(told) {
  backendChanged(told);
  for (const pool of standing?.pools ?? []) {
    if (pool.name !== told.pool) continue;
    for (const backend of pool.backends) if (backend.name === told.backend && (told.protocol === null || told.state === "down")) backend.state = told.state;
  }
  show();
}

const HEAR = {
  pools: told => { standing = told; show(); },
  backend: changed,
  "session-end": sessionEnded,
  lost: newsLost,
};

async function follow() {
  for (;;) {
    try {
      for await (const {name, data} of events("/api/v1/events")) {
        pulse(true);
        HEAR[name]?.(data);
      }
      complain(new Error("The proxy has ended."));
    } catch (error) {
      complain(error.name === "AbortError" ? new Error("The proxy doesn't answer.") : error);
    }
    pulse(false);
    await ask("/api/v1/pools").then(HEAR.pools).catch(() => {}); // too many may watch already
    await new Promise(done => setTimeout(done, RETRY));
  }
}

async function refreshHistory() {
  history = await ask("/api/v1/history");
  for (const row of history.backends) row.state = stateOf(row.pool, row.backend); // nobody is compared with one that is down
  verdicts = new Map(history.backends.map(row => [`${row.pool}\n${row.backend}`, {...judge(row, history.backends), history: row}]));
  showPlots(history, judged);
  show();
}

// Do something now and then, while the page can be seen; that the proxy is away is told elsewhere.
function every(period, what) {
  let busy = false;
  const once = async () => {
    if (busy || document.hidden) return;
    busy = true;
    await what().catch(() => {});
    busy = false;
  };
  setInterval(once, period);
  document.addEventListener("visibilitychange", once);
  return once();
}

async function begin() {
  const me = await ask("/api/v1/me").catch(() => ({role: "operator"}));
  document.body.classList.toggle("reader", me.role !== "operator");
  if (me.role !== "operator") $("pulse").after(Object.assign(document.createElement("p"), {className: "pill", textContent: "read only"}));
  follow();
  every(HISTORY, refreshHistory);
  every(SESSIONS, () => refreshSessions(openDetail));
  $("search").addEventListener("input", () => refreshSessions(openDetail).catch(complain));
}

begin();
