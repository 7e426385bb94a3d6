// The page of the admin port: it listens to /api/live and draws what comes, a second at a time.
// Rules: nothing is asked of another host; every text from outside becomes a text node, never markup; what is already
// right on the page is left alone, so that focus, selection and scrolling stay.
"use strict";

const $ = (id) => document.getElementById(id);
const colours = 8;
const momentCount = 300;
const svgSpace = "http://www.w3.org/2000/svg";

// MARK: Small tools

const el = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(svgSpace, tag), attributes, children);

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "width%") node.style.width = `${Math.max(0, Math.min(100, value))}%`;
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const number = (value, digits = 0) =>
  value === undefined || value === null ? "–" : value.toLocaleString("en", { maximumFractionDigits: digits });

function short(value) {
  if (value === undefined || value === null) return "–";
  if (value >= 1e6) return `${(value / 1e6).toFixed(value >= 1e7 ? 1 : 2)}M`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(value >= 1e5 ? 0 : 1)}k`;
  return number(value, value < 10 ? 1 : 0);
}

const percent = (share, digits = 1) =>
  share === undefined || share === null ? "–" : `${(share * 100).toFixed(share >= 0.9995 ? 0 : digits)} %`;

function time(us) {
  if (us === undefined || us === null) return "–";
  if (us < 0.5) return "0";
  if (us < 1000) return `${us < 10 ? us.toFixed(1) : us.toFixed(0)} µs`;
  if (us < 1e6) return `${(us / 1000).toFixed(us < 1e5 ? 1 : 0)} ms`;
  return `${(us / 1e6).toFixed(us < 1e7 ? 2 : 1)} s`;
}

function bytes(count) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  while (count >= 1024 && unit < units.length - 1) { count /= 1024; unit += 1; }
  return `${count.toFixed(unit === 0 || count >= 100 ? 0 : 1)} ${units[unit]}`;
}

function span(seconds) {
  const [days, hours, minutes] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min` : `${seconds} s`;
}

const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB");

function moment(ms) {
  const at = new Date(ms);
  const isToday = at.toDateString() === new Date().toDateString();
  return isToday ? clock(ms) : `${at.toLocaleDateString("en-CA")} ${clock(ms)}`;
}

/** A table whose rows are made anew only when their texts have changed. */
function table(node, heads, rows, empty) {
  const signature = JSON.stringify(rows.map((row) => row.text));
  if (node.signature === signature) return;
  node.signature = signature;
  const head = el("thead", {}, el("tr", {}, ...heads.map(([text, kind]) => el("th", { scope: "col", class: kind }, text))));
  const body = el("tbody");
  for (const row of rows) body.append(el("tr", {}, ...row.cells()));
  if (!rows.length) body.append(el("tr", {}, el("td", { class: "none", colspan: heads.length }, empty)));
  node.replaceChildren(head, body);
}

const cell = (text, kind) => el("td", { class: kind }, text);
const colour = (index) => `k${index % colours}`;
const setText = (node, text) => { if (node.textContent !== text) node.textContent = text; };

// MARK: Head and tiles

function pill(node, text, kind) {
  setText(node, text);
  node.className = `pill ${kind}`;
}

function showHead(view) {
  const { keyway } = view;
  if (keyway.not_ready) pill($("state"), `not ready: ${keyway.not_ready}`, "bad");
  else pill($("state"), "ready", "good");
  setText($("about"), `${keyway.version} · up ${span(keyway.uptime_s)} · process ${keyway.process_id} · log level ${keyway.log_level}`);
}

function showTiles(view) {
  const { keyway, traffic, memory } = view;
  const tiles = [
    ["Commands a second", short(traffic.commands_per_s), `${bytes(traffic.bytes_in_per_s)} in, ${bytes(traffic.bytes_out_per_s)} out`],
    ["p99 latency", time(traffic.latency.p99_us), `p50 ${time(traffic.latency.p50_us)}`],
    ["Errors a second", short(traffic.errors_per_s), "made by Keyway", traffic.errors_per_s > 0 ? "bad" : ""],
    ["Hit ratio", percent(traffic.hit_share), "of keys asked for"],
    ["Clients", number(keyway.clients), `of ${number(keyway.clients_max)}`],
    ["CPU", percent(keyway.cpu_share, 0), `${bytes(memory.resident_bytes)} resident`],
  ];
  const section = $("tiles");
  if (!section.children.length) {
    for (const _ of tiles) section.append(el("div", { class: "card tile" }, el("p"), el("strong"), el("p")));
  }
  tiles.forEach(([name, value, note, kind], index) => {
    const tile = section.children[index];
    tile.className = `card tile ${kind ?? ""}`;
    [name, value, note].forEach((text, part) => setText(tile.children[part], text));
  });
}

// MARK: Charts

let moments = [];
const pointed = { index: null };

const series = {
  traffic: [["commands_per_s", "s0", "commands", short], ["errors_per_s", "bad", "errors", short]],
  latency: [["p50_us", "p50", "p50", time], ["p99_us", "p99", "p99", time], ["p999_us", "p999", "p99.9", time]],
};

function niceCeiling(value) {
  const base = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map((step) => step * base).find((step) => step >= value) ?? value;
}

function chart(name, toY, ticks, label) {
  const node = $(`${name}-chart`);
  const [width, height] = [node.clientWidth || 560, 170];
  const [left, right, top, bottom] = [44, 4, 8, 18];
  const x = (index) => left + (width - left - right) * (momentCount - moments.length + index) / (momentCount - 1);
  const y = (value) => top + (height - top - bottom) * (1 - toY(value));
  const drawing = [];
  for (const tick of ticks) {
    drawing.push(svg("line", { class: "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }));
    drawing.push(svg("text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end" }, label(tick)));
  }
  for (const minutes of [4, 3, 2, 1]) {
    const at = left + (width - left - right) * (1 - (minutes * 60) / momentCount);
    drawing.push(svg("text", { x: at, y: height - 3, "text-anchor": "middle" }, `−${minutes} min`));
  }
  for (const [field, style] of series[name]) {
    let line = "";
    let start = null;
    let last = 0;
    moments.forEach((at, index) => {
      const value = at[field];
      if (value === undefined || value === null) return;
      line += `${line && last === index - 1 ? "L" : "M"}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
      start ??= index;
      last = index;
    });
    if (!line) continue;
    if (name === "traffic" && style === "s0") {
      const floor = y(0);
      drawing.push(svg("path", { class: `area f-${style}`, d: `${line}L${x(last)} ${floor}L${x(start)} ${floor}Z` }));
    }
    drawing.push(svg("path", { class: `c-${style}`, d: line }));
  }
  if (pointed.index !== null && moments[pointed.index]) {
    const at = x(pointed.index);
    drawing.push(svg("line", { class: "cursor", x1: at, x2: at, y1: top, y2: height - bottom }));
  }
  node.setAttribute("viewBox", `0 0 ${width} ${height}`);
  node.replaceChildren(...drawing);
  showLegend(name);
}

function showLegend(name) {
  const at = moments[pointed.index ?? moments.length - 1] ?? {};
  const items = series[name].map(([field, style, text, form]) =>
    el("span", {}, el("i", { class: `b-${style}` }), `${text} `, el("b", {}, form(at[field]))));
  if (pointed.index !== null && at.at_ms) items.unshift(el("span", {}, clock(at.at_ms)));
  $(`${name}-legend`).replaceChildren(...items);
}

function showCharts() {
  const most = niceCeiling(Math.max(10, ...moments.map((at) => at.commands_per_s)));
  chart("traffic", (value) => value / most, [0, most / 2, most], short);
  const times = moments.flatMap((at) => [at.p50_us, at.p999_us]).filter((value) => value > 0);
  const low = Math.floor(Math.log10(Math.max(1, Math.min(...times, 100))));
  const high = Math.max(low + 2, Math.ceil(Math.log10(Math.max(...times, 1000))));
  const decades = Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index));
  chart("latency", (us) => (Math.log10(Math.max(us, 10 ** low)) - low) / (high - low), decades, (us) => time(us).replace(".0", ""));
}

for (const name of Object.keys(series)) {
  const node = $(`${name}-chart`);
  const point = (event) => {
    const box = node.getBoundingClientRect();
    const part = (event.clientX - box.left - 44) / (box.width - 48);
    const index = Math.round(part * (momentCount - 1)) - (momentCount - moments.length);
    pointed.index = index >= 0 && index < moments.length ? index : null;
    showCharts();
  };
  node.addEventListener("pointermove", point);
  node.addEventListener("pointerleave", () => { pointed.index = null; showCharts(); });
}
addEventListener("resize", showCharts);

// MARK: Pools

const ringOwners = new Map();

/** The ring as it is: who owns each place. Asked for only when a shard has left or returned. */
function needRing(pool) {
  const known = ringOwners.get(pool.name);
  if (known?.revision === pool.ring_revision) return known.owners;
  ringOwners.set(pool.name, { revision: pool.ring_revision, owners: known?.owners ?? [] });
  fetch(`api/ring?pool=${encodeURIComponent(pool.name)}`).then((response) => response.json()).then((ring) => {
    ringOwners.set(pool.name, { revision: pool.ring_revision, owners: ring.owners });
  }).catch(() => ringOwners.delete(pool.name));
  return known?.owners ?? [];
}

function arc(radius, from, to) {
  const point = (part) => {
    const angle = (part - 0.25) * 2 * Math.PI;
    return `${(130 + radius * Math.cos(angle)).toFixed(2)} ${(130 + radius * Math.sin(angle)).toFixed(2)}`;
  };
  const end = Math.min(to, from + 0.9999);
  return `M${point(from)}A${radius} ${radius} 0 ${end - from > 0.5 ? 1 : 0} 1 ${point(end)}`;
}

/** Outside the points of the ring, inside the part of the keys that each shard has. */
function ring(pool) {
  const drawing = [
    svg("circle", { class: "track", cx: 130, cy: 130, r: 88, "stroke-width": 26 }),
    svg("circle", { class: "track", cx: 130, cy: 130, r: 117, "stroke-width": 10 }),
  ];
  const dimmed = (index) => (pool.shards[index]?.breaker === "open" ? " open" : "");
  const owners = needRing(pool);
  for (let start = 0; start < owners.length;) {
    let end = start + 1;
    while (end < owners.length && owners[end] === owners[start]) end += 1;
    const [from, to] = [start / owners.length, end / owners.length];
    drawing.push(svg("path", { class: colour(owners[start]) + dimmed(owners[start]), "stroke-width": 10, d: arc(117, from, to) }));
    start = end;
  }
  let from = 0;
  pool.shards.forEach((shard, index) => {
    if (shard.ring_share <= 0) return;
    const to = from + shard.ring_share;
    const gap = pool.shards.length > 1 && shard.ring_share > 0.01 ? 0.003 : 0;
    drawing.push(svg("path", { class: colour(index) + dimmed(index), "stroke-width": 26, d: arc(88, from + gap, to - gap) },
      svg("title", {}, `${shard.name}: ${percent(shard.ring_share)} of the keys`)));
    from = to;
  });
  drawing.push(svg("text", { class: "big", x: 130, y: 131 }, short(pool.commands_per_s)));
  drawing.push(svg("text", { class: "small", x: 130, y: 149 }, "commands a second"));
  const label = `Ring of pool ${pool.name}: ` + pool.shards.map((s) => `${s.name} ${percent(s.ring_share)}`).join(", ");
  return { drawing, label };
}

function shardState(shard) {
  if (shard.breaker === "open") return ["down", "bad"];
  if (shard.ring !== "in") return [shard.ring === "held" ? "held out" : "out", "warn"];
  return shard.breaker === "trickling" ? ["recovering", "warn"] : ["up", "good"];
}

const shardHeads = [
  ["Shard"], ["State"], ["Keys", "n"], ["Traffic"], ["Requests/s", "n"], ["In flight", "n"], ["Queue p99", "n"],
  ["Server p50", "n"], ["p99", "n"], ["Hits", "n"], ["Failed/s", "n"],
];

/** What waits in Keyway is known to a millisecond. */
const queueTime = (us) => (us !== undefined && us < 1000 ? "< 1 ms" : time(us));

function shardRow(pool, shard, index, hasActions) {
  const [state, kind] = shardState(shard);
  const texts = [
    percent(shard.ring_share), percent(shard.traffic_share, 0), short(shard.requests_per_s),
    number(shard.in_flight + shard.queued), queueTime(shard.queue.p99_us), time(shard.backend.p50_us), time(shard.backend.p99_us),
    percent(shard.hit_share, 0), short(shard.failures_per_s),
  ];
  const cells = () => {
    const about = `${shard.name === shard.address ? "" : `${shard.address} · `}weight ${shard.weight}`;
    const name = el("td", { class: "name" }, el("span", { class: `dot ${colour(index)}` }), shard.name, el("small", { title: about }, about));
    if (shard.reason) name.append(el("p", { class: "reason" }, shard.reason));
    const bar = el("span", { class: `bar ${colour(index)}` }, el("i", { "width%": shard.traffic_share * 100 }));
    const traffic = el("td", { class: "level" }, bar, texts[1]);
    const row = [name, el("td", {}, el("span", { class: `pill ${kind}` }, state)), cell(texts[0], "n"), traffic,
      ...texts.slice(2).map((text) => cell(text, "n"))];
    if (hasActions) {
      const action = shard.ring === "in" ? "eject" : "readmit";
      const button = el("button", { class: "small", "aria-label": `${action} ${shard.name}` }, action);
      button.addEventListener("click", () => askForAction(pool.name, shard.name, action));
      row.push(el("td", {}, button));
    }
    return row;
  };
  return { text: [shard.name, state, shard.reason, texts], cells };
}

function showPools(view) {
  const section = $("pools");
  view.pools.forEach((pool, index) => {
    let card = section.children[index];
    if (!card) {
      card = el("article", { class: "card" },
        el("div", { class: "pool-head" }, el("h2"), el("span", { class: "pill" }), el("p", { class: "quiet" })),
        el("div", { class: "pool-body" }, svg("svg", { class: "ring", viewBox: "0 0 260 260", role: "img" }),
          el("div", { class: "scroll" }, el("table"))));
      section.append(card);
    }
    const [head, body] = card.children;
    setText(head.children[0], pool.name);
    const down = pool.shards.filter((shard) => shard.breaker === "open").length;
    const out = pool.shards.filter((shard) => shard.ring !== "in").length;
    if (down) pill(head.children[1], `${down} of ${pool.shards.length} down`, "bad");
    else if (out) pill(head.children[1], `${out} of ${pool.shards.length} out of the ring`, "warn");
    else pill(head.children[1], `${pool.shards.length} ${pool.shards.length === 1 ? "shard" : "shards"} up`, "good");
    setText(head.children[2], `${pool.listen} · ${pool.distribution}, ${pool.hash} · on failure ${pool.on_failure} · `
      + `${number(pool.clients)} clients · p99 ${time(pool.latency.p99_us)} · retry budget ${number(pool.retry_budget)}`);
    const { drawing, label } = ring(pool);
    body.children[0].setAttribute("aria-label", label);
    body.children[0].replaceChildren(...drawing);
    const heads = view.keyway.has_actions ? [...shardHeads, ["Ring"]] : shardHeads;
    table(body.children[1].firstChild, heads, pool.shards.map((shard, at) => shardRow(pool, shard, at, view.keyway.has_actions)), "");
  });
  while (section.children.length > view.pools.length) section.lastChild.remove();
  const names = view.pools.map((pool) => pool.name);
  if ($("route-pool").children.length !== names.length) {
    $("route-pool").replaceChildren(...names.map((name) => el("option", {}, name)));
    $("route-pools").hidden = names.length < 2;
  }
}

// MARK: Tables

function row(texts, kinds, extra = null) {
  return { text: texts, cells: () => texts.map((text, index) => (extra?.[index] ? extra[index]() : cell(text, kinds[index]))) };
}

function showHotKeys(view) {
  const isMany = view.pools.length > 1;
  const heads = [["Key"], ["Shard"], ["Reads/s", "n"], ["Writes/s", "n"], ["Bytes/s", "n"], ["Of shard", "n"]];
  const rows = view.hot_keys.slice(0, 12).map((key) => row([
    key.key, isMany ? `${key.pool}/${key.shard}` : key.shard, short(key.reads_per_s), short(key.writes_per_s),
    bytes(key.bytes_per_s), percent(key.shard_share, 0),
  ], ["code", "", "n", "n", "n", "n"]));
  table($("hot-keys"), heads, rows, "None found. A pool looks for them with hot_keys: observe or cache.");
}

function showCommands(view) {
  const heads = [["Command"], ["Calls/s", "n"], ["p50", "n"], ["p99", "n"], ["p99.9", "n"], ["Calls", "n"]];
  const isMany = view.pools.length > 1;
  const rows = view.pools.flatMap((pool) => pool.commands.slice(0, 12).map((command) => row([
    isMany ? `${pool.name}: ${command.name}` : command.name, short(command.per_s), time(command.latency.p50_us),
    time(command.latency.p99_us), time(command.latency.p999_us), short(command.calls),
  ], ["code", "n", "n", "n", "n", "n"])));
  table($("command-table"), heads, rows, "No command yet.");
}

function showWorkers(view) {
  const heads = [["Worker"], ["Busy"], ["Turn p50", "n"], ["p99", "n"], ["Events/turn", "n"], ["Bytes/turn", "n"], ["Buffers", "n"]];
  const rows = view.workers.map((worker, index) => row([
    String(index), percent(worker.busy_share, 0), time(worker.loop.p50_us), time(worker.loop.p99_us),
    number(worker.events_per_turn, 1), worker.bytes_per_turn === undefined ? "–" : bytes(worker.bytes_per_turn), bytes(worker.buffer_bytes),
  ], ["name", "", "n", "n", "n", "n", "n"], {
    1: () => el("td", {}, el("span", { class: "bar" }, el("i", { "width%": worker.busy_share * 100 })), percent(worker.busy_share, 0)),
  }));
  table($("worker-table"), heads, rows, "");
}

function showMemory(view) {
  const { memory } = view;
  const lines = [
    ["Resident", memory.resident_bytes, 0], ["Buffers of all workers", memory.buffer_bytes, memory.limit_bytes],
    ["Copies of hot keys", memory.copy_bytes, 0],
  ];
  const node = $("memory");
  if (!node.children.length) {
    for (const _ of lines) node.append(el("div", {}, el("p", {}, el("span"), el("b")), el("span", { class: "bar wide" }, el("i"))));
  }
  const most = Math.max(memory.resident_bytes, 1);
  lines.forEach(([name, count, limit], index) => {
    const [text, bar] = node.children[index].children;
    setText(text.children[0], name);
    setText(text.children[1], limit ? `${bytes(count)} of ${bytes(limit)} (memory_limit)` : bytes(count));
    bar.firstChild.style.width = `${Math.min(100, (100 * count) / (limit || most))}%`;
  });
}

function showSlowLog(view) {
  const heads = [["When"], ["Command"], ["Key"], ["Shard"], ["Total", "n"], ["Queue", "n"], ["Server", "n"], ["Merge", "n"], ["Parts"], ["Outcome"]];
  const rows = view.slow_log.slice(0, 12).map((slow) => row([
    moment(slow.at_ms), slow.command, slow.key || "–", view.pools.length > 1 ? `${slow.pool}/${slow.shard}` : slow.shard,
    time(slow.total_us), time(slow.queue_us), time(slow.backend_us), time(slow.merge_us), "", slow.outcome,
  ], ["", "code", "code", "", "n", "n", "n", "n", "", ""], {
    8: () => {
      const part = (us) => (100 * us) / Math.max(1, slow.total_us);
      return el("td", {}, el("span", { class: "split", title: "queue, server, merge" }, el("i", { class: "q", "width%": part(slow.queue_us) }),
        el("i", { class: "b", "width%": part(slow.backend_us) }), el("i", { class: "m", "width%": part(slow.merge_us) })));
    },
    9: () => el("td", {}, slow.outcome === "answered" ? slow.outcome : el("span", { class: "pill bad" }, slow.outcome)),
  }));
  table($("slow-table"), heads, rows, "No request was slow (keyway.slowlog_slower_than).");
}

function showEvents(view) {
  const list = $("event-list");
  const signature = JSON.stringify(view.events);
  if (list.signature === signature) return;
  list.signature = signature;
  list.replaceChildren(...view.events.map((event) => el("li", {}, el("time", { class: "quiet", datetime: new Date(event.at_ms).toISOString() },
    moment(event.at_ms)), el("b", {}, event.subject), el("span", {}, event.text))));
  if (!view.events.length) list.append(el("li", { class: "quiet" }, "Nothing has happened."));
}

// MARK: Route

$("route").addEventListener("submit", (event) => {
  event.preventDefault();
  const key = $("route-key").value;
  const query = new URLSearchParams({ key });
  if ($("route-pool").value) query.set("pool", $("route-pool").value);
  fetch(`api/route?${query}`).then((response) => response.json()).then((route) => {
    const answer = $("route-answer");
    if (!route.shard) return answer.replaceChildren(route.text);
    const place = route.shard === route.address ? "" : ` at ${route.address}`;
    const state = route.breaker === "open" ? ["down", "bad"] : route.breaker === "trickling" ? ["recovering", "warn"] : ["up", "good"];
    answer.classList.remove("quiet");
    answer.replaceChildren(el("span", { class: "code" }, route.key), " lives on ", el("b", {}, route.shard), `${place} `,
      el("span", { class: `pill ${state[1]}` }, state[0]), el("span", { class: "quiet" }, ` hash ${route.hash}`));
  }).catch((error) => setText($("route-answer"), `no answer: ${error.message}`));
});

// MARK: Actions

let token = "";
let asked = null;

function askForAction(pool, shard, action) {
  asked = { pool, shard, action };
  setText($("action-title"), `${action === "eject" ? "Take" : "Bring"} ${shard} ${action === "eject" ? "out of" : "back into"} the ring`);
  setText($("action-text"), action === "eject"
    ? "The other shards of the pool get its keys until it is readmitted; what it holds is not moved."
    : "It gets its keys again, with what it holds from before.");
  setText($("action-answer"), "");
  $("action-token").value = token;
  $("action").showModal();
}

$("action-go").addEventListener("click", (event) => {
  event.preventDefault();
  token = $("action-token").value;
  const path = ["pools", asked.pool, "shards", asked.shard, asked.action].map(encodeURIComponent).join("/");
  fetch(`api/${path}`, { method: "POST", headers: { Authorization: `Bearer ${token}` } }).then(async (response) => {
    const text = await response.text();
    if (response.ok) return $("action").close();
    setText($("action-answer"), text.startsWith("{") ? JSON.parse(text).text : text);
  }).catch((error) => setText($("action-answer"), `no answer: ${error.message}`));
});

// MARK: Life

function show(view) {
  const { traffic, keyway } = view;
  moments.push({
    at_ms: keyway.at_ms, commands_per_s: traffic.commands_per_s, errors_per_s: traffic.errors_per_s,
    p50_us: traffic.latency.p50_us, p99_us: traffic.latency.p99_us, p999_us: traffic.latency.p999_us,
  });
  moments = moments.slice(-momentCount);
  for (const part of [showHead, showTiles, showPools, showHotKeys, showCommands, showWorkers, showMemory, showSlowLog, showEvents]) part(view);
  showCharts();
  document.body.dataset.views = String(Number(document.body.dataset.views ?? 0) + 1);
}

function listen() {
  const stream = new EventSource("api/live");
  stream.onmessage = (event) => show(JSON.parse(event.data));
  stream.onerror = () => {
    pill($("state"), "no connection; trying again", "bad");
    // A server that refused for good is asked again all the same: it may be another process by then.
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  };
}

fetch("api/history").then((response) => response.json()).then((past) => { moments = past.slice(-momentCount); }).catch(() => {}).finally(listen);
