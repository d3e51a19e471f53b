// Which backend stands out: far above the median of the others in its pool, and by more than chance or a hair.

const TIMES = 2, ENOUGH = 3; // so many times the median; so many set-ups or requests before anything is said
const MS = {setup: 20, request: 50}; // at least so much more

function median(values) {
  const sorted = [...values].sort((a, b) => a - b), middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// How many times the others' median a value is; 0: not worth a word.
function above(value, others, least) {
  if (!others.length) return 0;
  const usual = median(others);
  return value > TIMES * usual && value - usual > least ? value / Math.max(usual, 0.1) : 0;
}

function requestsOf(row) {
  return Object.entries(row.recent.requests).filter(([, its]) => its.count >= ENOUGH);
}

// What is told of one backend: its set-up p95 and one kind of request in the last minute, each with how far it stands out.
export function judge(row, rows) {
  const others = rows.filter(other => other !== row && other.pool === row.pool && other.backend && other.state !== "down");
  const timed = others.filter(other => other.recent.started >= ENOUGH);
  const p95 = row.recent.setup_p95_ms;
  const setup = row.recent.started >= ENOUGH ? above(p95, timed.map(other => other.recent.setup_p95_ms), MS.setup) : 0;
  return {p95, setup, request: worst(row, others)};
}

function worst(row, others) {
  const seen = requestsOf(row).map(([method, its]) => {
    const theirs = others.flatMap(other => requestsOf(other).filter(([name]) => name === method).map(([, one]) => one.mean_ms));
    return {method, mean: its.mean_ms, count: its.count, times: above(its.mean_ms, theirs, MS.request)};
  });
  seen.sort((a, b) => b.times - a.times || b.count - a.count);
  return seen[0] || null;
}
