// How the page asks the proxy: JSON, orders and event streams, with the token where one is wanted.

let token = sessionStorage.getItem("token") || "";
let asking = null; // while somebody is asked for the token

function askToken() {
  asking ??= new Promise(done => {
    const dialog = document.getElementById("ask-token"), field = document.getElementById("token");
    dialog.addEventListener("close", () => {
      token = field.value.trim();
      field.value = "";
      sessionStorage.setItem("token", token);
      asking = null;
      done();
    }, {once: true});
    dialog.showModal();
  });
  return asking;
}

async function request(path, options = {}) {
  for (;;) {
    const headers = token ? {Authorization: `Bearer ${token}`} : {};
    const answer = await fetch(path, {...options, headers});
    if (answer.ok) return answer;
    if (answer.status !== 401) {
      const told = await answer.json().catch(() => ({}));
      throw new Error(told.error || answer.statusText);
    }
    await askToken();
  }
}

export async function ask(path, options) {
  return (await request(path, options)).json();
}

// Server-sent events, read by hand: the browser's own EventSource can't send a token. Throws when nothing, not even a
// comment, came for `patience` ms; ends when the stream does.
export async function* events(path, {signal, patience = 25000} = {}) {
  const given = new AbortController();
  signal?.addEventListener("abort", () => given.abort());
  const answer = await request(path, {signal: given.signal});
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  try {
    for (;;) {
      const timer = setTimeout(() => given.abort(), patience);
      const {value, done} = await reader.read().finally(() => clearTimeout(timer));
      if (done) return;
      const blocks = (held + value).split("\n\n");
      held = blocks.pop();
      for (const block of blocks) {
        const told = /^event: (.*)\ndata: (.*)$/.exec(block);
        if (told) yield {name: told[1], data: JSON.parse(told[2])};
      }
    }
  } finally {
    given.abort();
  }
}
