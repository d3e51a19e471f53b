// Small parts the page is made of: elements, and how numbers are written.

export const $ = id => document.getElementById(id);

export function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export function cell(row, name, text, kind) {
  const td = row.insertCell();
  td.textContent = text;
  td.dataset.name = name;
  if (kind) td.className = kind;
  return td;
}

export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(ms < 10000 ? 1 : 0)} s`;
}

// How far something stands out, as a mark that needs no colour.
export const standsOut = times => `▲ ${times < 10 ? times.toFixed(1) : times < 100 ? Math.round(times) : ">99"}×`;

export function age(seconds) {
  const s = Math.floor(seconds);
  if (s < 60) return `${s} s`;
  return s < 3600 ? `${Math.floor(s / 60)} min` : `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
}

export function clock(at = new Date(), fraction = 0) {
  const options = {hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23"};
  return at.toLocaleTimeString("en-GB", fraction ? {...options, fractionalSecondDigits: fraction} : options);
}

// By whom a session was ended: `who/phase` as the log writes it.
export function kindOfEnd(end) {
  const who = end.split("/")[0];
  return who === "client" ? "caller" : who === "operator" ? "operator" : "failed";
}
