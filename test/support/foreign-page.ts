/**
 * A page that tries all a browser lets it try against a node: `attack(node)` answers what it saw of
 * the node's records, by the way it took. What it writes says so in its value.
 */
export const foreignPage = `<!doctype html><title>foreign</title><body><script>
const patienceMs = 1500;
const within = (promise) =>
  Promise.race([promise, new Promise((resolve) => setTimeout(resolve, patienceMs))])
    .catch(() => {});

async function attack(node) {
  const saw = {};
  const see = (way, what) => { if (what) saw[way] = String(what).slice(0, 200); };
  const records = node + "/v1/topics/secrets/records";
  const one = (offset) => node + "/v1/topics/secrets/partitions/0/records/" + offset;
  const grpc = node + "/xylem.v1.LogService/";
  const append = JSON.stringify({ topic: "secrets", records: [{ value: "Zm9yZWlnbg==" }] });
  const read = async (way, url, options) => see(way, await (await fetch(url, options)).text());
  const post = (way, url, type, body, more) => read(way, url, {
    method: "POST", headers: { "content-type": type }, body, ...more,
  });
  const frame = Uint8Array.of(0, 0, 0, 0, 0);
  const ways = [
    () => read("get", node + "/v1/topics/secrets/partitions/0/records"),
    () => read("get many", node + "/v1/records?topic=secrets"),
    () => read("get without cors", one(0), { mode: "no-cors" }),
    () => read("get settings", node + "/v1/configs"),
    () => read("get metrics", node + "/metrics"),
    () => post("post text", records, "text/plain", "foreign text"),
    () => post("post json", records, "application/json", '"foreign json"'),
    () => post("post without cors", records, "text/plain", "foreign no-cors", { mode: "no-cors" }),
    () => read("put", node + "/v1/topics/foreign", { method: "PUT", body: "{}" }),
    () => read("delete", node + "/v1/topics/victim", { method: "DELETE" }),
    () => post("connect", grpc + "Append", "application/json", append),
    () => post("connect as text", grpc + "Append", "text/plain", append, { mode: "no-cors" }),
    () => post("connect read", grpc + "Read", "application/json", '{"topic":"secrets"}'),
    () => post("grpc-web", grpc + "Read", "application/grpc-web+proto", frame),
    () => post("grpc-web text", grpc + "Read", "application/grpc-web-text", "AAAAAAA="),
    () => post("group", node + "/v1/groups/foreign/fetch", "application/json",
      '{"topics":["secrets"]}'),
    () => navigator.sendBeacon(records, "foreign beacon"),
    () => submit(records),
    () => listen(node, see),
    () => talk(node, see),
    () => embed("img", one(2), see),
    () => embed("script", one(1), see).then(() => see("script's effect", window.stolen)),
    () => embed("script", node + "/v1/topics/secrets/partitions/0/records", see),
    () => show(node + "/v1/topics/secrets/partitions/0/records", see),
  ];
  for (const way of ways) await within(Promise.resolve().then(way));
  return saw;
}

function submit(action) {
  const form = document.createElement("form");
  const frame = document.createElement("iframe");
  frame.name = "out";
  Object.assign(form, { action, method: "post", enctype: "text/plain", target: "out" });
  const field = Object.assign(document.createElement("input"), { name: "foreign", value: "form" });
  form.append(field);
  document.body.append(frame, form);
  return new Promise((resolve) => { frame.onload = resolve; form.submit(); });
}

function listen(node, see) {
  const events = new EventSource(node + "/v1/records?topic=secrets&from=earliest");
  return new Promise((resolve) => {
    events.onmessage = ({ data }) => { see("events", data); resolve(); };
    events.onerror = resolve;
  }).finally(() => events.close());
}

function talk(node, see) {
  const socket = new WebSocket(node.replace("http", "ws") + "/v1/socket");
  return new Promise((resolve) => {
    socket.onopen = () => {
      see("socket opened", "open");
      const records = [{ value: "foreign socket" }];
      socket.send(JSON.stringify({ type: "append", topic: "secrets", records }));
    };
    socket.onmessage = ({ data }) => { see("socket", data); resolve(); };
    socket.onclose = resolve;
  }).finally(() => socket.close());
}

function embed(tag, src, see) {
  const element = document.createElement(tag);
  return new Promise((resolve) => {
    element.onload = () => { if (tag === "img") see(tag, element.naturalWidth); resolve(); };
    element.onerror = resolve;
    element.src = src;
    document.body.append(element);
  });
}

function show(src, see) {
  const frame = document.createElement("iframe");
  frame.src = src;
  document.body.append(frame);
  return new Promise((resolve) => { frame.onload = resolve; }).then(() => {
    try { see("frame", frame.contentDocument?.body?.textContent); } catch {}
  });
}
</script>`;
