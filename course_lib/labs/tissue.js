// The living tissue: paints one byte a site, and asks the kernel for the next picture.
//  - A few pictures are asked for ahead; those that come early wait in a queue. So Pause stops
//    at once, and Step shows exactly the next picture.
//  - It never plays by itself. Nothing runs once this is closed: the last line stops it.

const AHEAD = 3; // pictures asked for or waiting
const SPEEDS = [
  ["10 steps/s", 10, 1],
  ["30 steps/s", 30, 1],
  ["60 steps/s", 60, 1],
  ["240 steps/s", 60, 4],
];
const USUAL = 1;
const TEXT = "#222";
const INK = ["#B34E00", "#0072B2"]; // tumour, T cell

function render({ model, el }) {
  const bar = node("div", "course-tissue-bar");
  const play = button("Play", "course-play", () => (playing ? pause() : start()));
  const step = button("Step", "", () => (pause(), (single = true), go()));
  const again = button("Restart", "", () => model.send({ do: "again" }));
  const another = button("New tissue", "", () => model.send({ do: "another" }));
  const speed = node("select");
  for (const [words] of SPEEDS) speed.append(node("option", "", words));
  speed.selectedIndex = USUAL;
  const named = node("label", "", "Speed");
  named.append(speed);
  bar.append(play, step, again, another, named);

  const paint = painter(model);
  const picture = node("canvas", "course-tissue-picture");
  picture.setAttribute("role", "img");
  const key = node("ul", "course-tissue-key");
  for (const [cell, words] of model.get("key")) {
    const item = node("li");
    const sample = node("canvas");
    sample.setAttribute("aria-hidden", "true");
    paint(sample, new Uint8Array(64).fill(cell));
    item.append(sample, node("span", "", words));
    key.append(item);
  }
  const plot = node("canvas", "course-tissue-plot");
  plot.setAttribute("role", "img");
  plot.setAttribute("aria-label", "Tumour cells and T cells, step by step. Show data has the numbers.");
  el.append(bar, picture, key, plot);

  let playing = false;
  let single = false; // Step was pressed and waits for its picture
  let asked = 0; // pictures on their way
  let sent = 0; // pictures ever asked for
  let began = 0; // how many of them when Play was pressed
  let due = 0; // when the next picture may be painted
  let loop = 0;
  let queue = [];
  let curve = [];
  let before = [];

  const start = () => {
    playing = true;
    began = sent;
    due = performance.now();
    label();
    go();
  };
  const pause = () => {
    if (!playing) return;
    playing = false;
    label();
    model.send({ shown: curve.at(-1)[0] });
  };
  const label = () => {
    play.textContent = playing ? "Pause" : "Play";
    for (const each of bar.querySelectorAll("button, select")) each.disabled = model.get("disabled");
  };
  const go = () => {
    const wanted = playing ? AHEAD : single ? 1 : 0;
    while (asked + queue.length < wanted) {
      asked += 1;
      sent += 1;
      model.send({ ask: playing ? SPEEDS[speed.selectedIndex][2] : 1 });
    }
    if (!loop && (playing || single)) loop = requestAnimationFrame(tick);
  };
  const tick = (now) => {
    loop = 0;
    if (queue.length && (single || (playing && now >= due - 4))) {
      due = Math.max(due, now - 100) + 1000 / SPEEDS[speed.selectedIndex][1];
      show(queue.shift());
      if (single) model.send({ shown: curve.at(-1)[0] });
      single = false;
    }
    go();
  };
  const show = ({ told, sites }) => {
    paint(picture, sites);
    curve = told.fresh ? told.curve : [...thinned(curve), ...told.curve];
    draw(plot, model, curve, before);
    el.dataset.step = curve.at(-1)[0];
  };
  const receive = (told, buffers) => {
    const [bytes] = buffers;
    const sites = new Uint8Array(bytes.buffer ?? bytes, bytes.byteOffset ?? 0, bytes.byteLength);
    if (told.fresh) {
      queue = [];
      // A new tissue stands still, unless Play was pressed after what made it new.
      playing = playing && began >= told.heard;
      single = false;
      before = told.before;
      label();
      show({ told, sites });
      go();
    } else if (asked) {
      asked -= 1;
      queue.push({ told, sites });
      go();
    }
  };
  const describe = () => picture.setAttribute("aria-label", model.get("alt"));
  model.on("msg:custom", receive);
  model.on("change:alt", describe);
  model.on("change:disabled", label);
  const resized = new ResizeObserver(() => curve.length && draw(plot, model, curve, before));
  resized.observe(plot);
  describe();
  label();
  model.send({ ask: 0 });
  return () => {
    playing = single = false;
    cancelAnimationFrame(loop);
    resized.disconnect();
    model.off("msg:custom", receive);
    model.off("change:alt", describe);
    model.off("change:disabled", label);
  };
}

// Returns a function that paints sites, a square of bytes, each as 2 × 2 pixels.
function painter(model) {
  const colours = model.get("palette").map((hex) => {
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    return (255 << 24) | (b << 16) | (g << 8) | r; // as memory holds red, green, blue, opaque
  });
  const table = Uint32Array.from(model.get("pixels"), (index) => colours[index]);
  return (canvas, sites) => {
    const size = Math.sqrt(sites.length);
    const width = 2 * size;
    if (canvas.width !== width) canvas.width = canvas.height = width;
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, width);
    const pixels = new Uint32Array(image.data.buffer);
    for (let row = 0, site = 0; row < size; row += 1) {
      for (let at = 2 * row * width, end = at + width; at < end; at += 2, site += 1) {
        const from = 4 * sites[site];
        pixels[at] = table[from];
        pixels[at + 1] = table[from + 1];
        pixels[at + width] = table[from + 2];
        pixels[at + width + 1] = table[from + 3];
      }
    }
    context.putImageData(image, 0, 0);
  };
}

// Cells against steps, two panels. A long run doubles the axis.
function draw(canvas, model, curve, before) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (!width) return;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.font = "12px sans-serif";
  const steps = doubled(model.get("steps"), curve.at(-1)[0]);
  const [left, right, top, bottom] = [52, width - 84, 22, 32];
  const tall = (height - bottom) / 2 - top;
  const x = (value) => left + (value / steps) * (right - left);
  model.get("panels").forEach(([title, most], panel) => {
    const [all, part] = [1 + 2 * panel, 2 + 2 * panel];
    const high = doubled(most, curve.reduce((highest, point) => Math.max(highest, point[all]), 0));
    const floor = (panel + 1) * (top + tall);
    const y = (value) => floor - (value / high) * tall;
    context.lineWidth = 1;
    context.strokeStyle = "#6e6e6e";
    context.strokeRect(left, floor - tall, right - left, tall);
    context.fillStyle = TEXT;
    context.textAlign = "left";
    context.fillText(title, left, floor - tall - 5);
    context.textAlign = "right";
    for (const value of [0, high]) context.fillText(value.toLocaleString("en"), left - 5, y(value) + (value ? 10 : 0));
    context.save();
    context.beginPath();
    context.rect(left, floor - tall, right - left, tall);
    context.clip();
    const line = (points, index, dash, thick) => {
      context.setLineDash(dash);
      context.lineWidth = thick;
      context.strokeStyle = INK[panel];
      context.beginPath();
      for (const point of points) context.lineTo(x(point[0]), y(point[index]));
      context.stroke();
    };
    line(before, all, [5, 4], 1);
    line(curve, all, [], 2);
    line(curve, part, [2, 3], 2);
    context.restore();
    const last = curve.at(-1);
    const words = panel ? "exhausted" : "with PD-L1";
    const lower = Math.min(Math.max(y(last[part]), y(last[all]) + 13), floor - 4);
    context.textAlign = "left";
    context.fillText("all", right + 5, Math.min(y(last[all]), lower - 13) + 4);
    context.fillText(words, right + 5, lower + 4);
  });
  const ticks = [["0", 0, "left"], ["step", steps / 4, "center"]];
  for (const [value, align] of [[steps / 2, "center"], [steps, "right"]])
    ticks.push([value.toLocaleString("en"), value, align]);
  for (const [words, value, align] of ticks) {
    context.textAlign = align;
    context.fillText(words, x(value), height - bottom + 14);
  }
}

function doubled(limit, value) {
  while (limit < value) limit *= 2;
  return limit;
}

// Keeps a long curve short; its last point stays.
function thinned(curve) {
  return curve.length < 1500 ? curve : curve.filter((_, at) => (curve.length - at) % 2);
}

function button(text, className, act) {
  const made = node("button", `jupyter-button ${className}`.trim(), text);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

function node(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}

export default { render };
