// One small plot a backend: set-up times above, how sessions ended below; all of a pool on the same scale.

import {$, age, clock, duration, element, kindOfEnd, standsOut} from "./words.js";

const WIDTH = 240, TOP = 1, BASE = 65, BARS = 73, END = 100; // of the drawing; lines from BASE up to TOP, bars from END up to BARS
const LEAST = 24; // steps shown, so that what has just begun fills part of the drawing only
const KINDS = ["caller", "operator", "failed"];
const SVG = "http://www.w3.org/2000/svg";

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

// The least of 1, 2, 5, 10, 20 … that is not less.
function round(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map(times => times * power).find(most => most >= value);
}

function endsBy(row, steps) {
  const sums = Object.fromEntries(KINDS.map(kind => [kind, Array(steps).fill(0)]));
  for (const [end, counts] of Object.entries(row.ended)) counts.forEach((count, at) => (sums[kindOfEnd(end)][at] += count));
  return sums;
}

// The stretches in which there are values: lists of [x, y]. A gap of up to a minute without set-ups is bridged.
function stretches(values, x, y) {
  const found = [];
  let last = -Infinity;
  values.forEach((value, at) => {
    if (value === null) return;
    if (at - last > 12) found.push([]);
    found.at(-1).push([x(at), y(value)]);
    last = at;
  });
  return found;
}

const drawn = points => `M${points.map(point => point.join(" ")).join("L")}` + (points.length === 1 ? "h1.5" : "");

function lines(svg, row, top, x) {
  const y = value => (BASE - (Math.min(value, top) / top) * (BASE - TOP)).toFixed(1);
  for (const level of [TOP, (TOP + BASE) / 2, BASE]) svg.append(shape("line", {class: "axis", x1: 0, x2: WIDTH, y1: level, y2: level}));
  for (const points of stretches(row.setup_p95_ms, x, y)) {
    const first = points[0][0], last = points.at(-1)[0];
    svg.append(shape("path", {class: "area", d: `${drawn(points)}L${last} ${BASE}L${first} ${BASE}Z`}), shape("path", {class: "p95", d: drawn(points)}));
  }
  for (const points of stretches(row.setup_p50_ms, x, y)) svg.append(shape("path", {class: "p50", d: drawn(points)}));
}

function bars(svg, ends, most, x, steps) {
  const wide = (WIDTH / shownOf(steps)) * 0.75;
  for (let at = 0; at < steps; at++) {
    let foot = END;
    for (const kind of KINDS) {
      const height = (ends[kind][at] / most) * (END - BARS);
      if (!height) continue;
      foot -= height;
      svg.append(shape("rect", {class: kind, x: x(at) - wide, y: foot.toFixed(2), width: wide, height: height.toFixed(2)}));
    }
  }
  svg.append(shape("line", {class: "axis", x1: 0, x2: WIDTH, y1: END, y2: END}));
}

const shownOf = steps => Math.max(steps, LEAST);

function caption(row, known) {
  const made = element("figcaption");
  const name = element("b", "", row.backend || "found no backend");
  name.title = row.pool;
  made.append(name);
  if (known.setup) made.append(element("span", "mark", standsOut(known.setup)));
  if (row.backend) made.append(element("span", "", duration(known.p95)));
  return made;
}

function plot(row, known, scale, steps, step) {
  const made = element("figure", known.setup || known.request?.times ? "plot slow" : "plot");
  made.dataset.backend = `${row.pool}/${row.backend}`;
  const shown = shownOf(steps), x = at => (WIDTH - ((steps - 1 - at) * WIDTH) / shown).toFixed(1);
  const name = `Set-up p95 of ${row.pool}/${row.backend} in the last minute: ${duration(known.p95)}`;
  const svg = shape("svg", {viewBox: `0 0 ${WIDTH} ${END + 1}`, preserveAspectRatio: "none", role: "img", "aria-label": name});
  lines(svg, row, scale.setup, x);
  bars(svg, endsBy(row, steps), scale.ends, x, steps);
  svg.append(shape("line", {class: "cursor", x1: 0, x2: 0, y1: TOP, y2: END}));
  svg.onpointermove = event => point(row, steps, step, Math.round(steps - 1 - (1 - event.offsetX / svg.clientWidth) * shown), x);
  svg.onpointerleave = () => point(null);
  const foot = element("p", "foot");
  foot.append(element("span", "", `−${age(shown * step)}`), element("span", "", "now"));
  made.append(caption(row, known), element("p", "top", duration(scale.setup)), svg, foot);
  return made;
}

// Read off one step of one backend; a line marks that step in every plot.
function point(row, steps, step, at, x) {
  const there = row !== null && at >= 0 && at < steps;
  for (const cursor of document.querySelectorAll(".plot .cursor")) {
    cursor.style.visibility = there ? "visible" : "hidden";
    if (there) for (const side of ["x1", "x2"]) cursor.setAttribute(side, x(at));
  }
  if (!there) {
    $("readout").textContent = "";
    return;
  }
  const when = clock(new Date(Date.now() - (steps - 1 - at) * step * 1000));
  const ended = Object.entries(row.ended).filter(([, counts]) => counts[at]).map(([end, counts]) => `${counts[at]} ${end}`);
  const times = `p50 ${duration(row.setup_p50_ms[at])}, p95 ${duration(row.setup_p95_ms[at])}`;
  $("readout").textContent = `${when} ${row.backend}: ${row.live[at]} live, ${row.started[at]} started, ${times}; ended: ${ended.join(", ") || "none"}`;
}

function scales(rows, steps) {
  const found = {};
  for (const row of rows) {
    const scale = (found[row.pool] ||= {setup: 1, ends: 1}), ends = endsBy(row, steps);
    scale.setup = Math.max(scale.setup, ...row.setup_p95_ms.filter(value => value !== null));
    for (let at = 0; at < steps; at++) scale.ends = Math.max(scale.ends, KINDS.reduce((sum, kind) => sum + ends[kind][at], 0));
  }
  for (const scale of Object.values(found)) scale.setup = round(scale.setup);
  return found;
}

// Those of one pool stand together, under its name where there are several.
function drawing(pool, plots, alone) {
  const made = element("div", "pool"), grid = element("div", "plots");
  if (!alone) made.append(element("h3", "", pool));
  grid.append(...plots);
  made.append(grid);
  return made;
}

export function showPlots(history, judged) {
  const scale = scales(history.backends, history.steps);
  const pools = new Map();
  for (const row of history.backends) {
    if (!pools.has(row.pool)) pools.set(row.pool, []);
    pools.get(row.pool).push(plot(row, judged(row.pool, row.backend), scale[row.pool], history.steps, history.step_s));
  }
  $("plots").replaceChildren(...[...pools].map(([pool, plots]) => drawing(pool, plots, pools.size === 1)));
}
