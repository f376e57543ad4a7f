// The one own widget of a lab: its sentence, its announcements, its data table and
// its settings line, and the repairs that ipywidgets and JupyterLab need so that a
// lab can be used without a mouse and without seeing it:
//  - ipywidgets gives slider handles, their readouts and radio groups no accessible name,
//    and makes no group of its radio buttons: each is a tab stop, and arrow keys do nothing;
//  - plotly draws an SVG without role or label;
//  - JupyterLab takes the keys of anything in an output as commands of the notebook: arrow
//    keys leave the lab, "x" or "d d" on a button removes the cell.

const REPAIR_MS = 60;
const QUIET_MS = 500; // announce once the student pauses, not at every step

function render({ model, el }) {
  el.classList.add("course-twin");
  const sentence = node("p", "course-sentence");
  const change = node("p", "course-change");
  // The question about what was seen opens below the goal, often below the window.
  const hint = node("p", "course-hint");
  const go = node("button", "jupyter-button", "What did you see? Go to the question below");
  go.type = "button";
  hint.hidden = true;
  hint.append(go);
  go.addEventListener("click", () => question()?.querySelector("input")?.focus());
  const live = node("div", "course-live");
  live.setAttribute("role", "status");
  live.setAttribute("aria-live", "polite");

  const details = node("details", "course-details");
  const summary = node("summary", "", "Show data");
  const table = node("div", "course-table");
  table.tabIndex = 0; // a scrollable region must be reachable by keyboard
  table.setAttribute("role", "region");
  table.setAttribute("aria-label", `Data of the plot: ${model.get("title")}`); // of which plot
  details.append(summary, table);
  details.addEventListener("toggle", () => {
    model.set("table_open", details.open);
    model.save_changes();
  });

  const settings = node("details", "course-details");
  const line = node("input", "course-settings-line");
  line.readOnly = true;
  line.setAttribute("aria-label", "These settings as one line of code");
  const copy = node("button", "jupyter-button course-copy", "Copy");
  copy.type = "button";
  const copied = node("span", "course-copied");
  copied.setAttribute("role", "status");
  copy.addEventListener("click", async () => {
    line.select();
    try {
      await navigator.clipboard.writeText(line.value);
      copied.textContent = "Copied. Paste it into a cell and run the cell.";
    } catch {
      copied.textContent = "Selected. Press Ctrl+C (on a Mac: Command+C) to copy.";
    }
  });
  settings.append(node("summary", "", "Settings as code"), line, copy, copied);
  const says = node("div", "course-says");
  says.append(sentence, change, hint, live);
  const data = node("div", "course-more");
  data.append(details, settings);
  el.append(says, data);

  let timer = 0;
  let pause = 0;
  // Every redraw of the plot asks for the repair again: it waits until they pause.
  const later = () => {
    clearTimeout(pause);
    pause = setTimeout(() => repair(root(), model), REPAIR_MS);
  };
  const show = () => {
    sentence.textContent = together(model.get("sentence"));
    change.textContent = together(model.get("change"));
    line.value = model.get("code");
    if (table.innerHTML !== model.get("table")) table.innerHTML = model.get("table");
    later();
  };
  let goal = "";
  const announce = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const parts = [model.get("announcement")];
      const told = root()?.querySelector(".course-goal")?.textContent.trim() ?? "";
      if (goal && told !== goal) parts.push(told);
      goal = told;
      const asked = question();
      const open = Boolean(asked && !asked.querySelector("input:checked"));
      if (open && hint.hidden) parts.push("A question about what you saw is open.");
      hint.hidden = !open;
      live.textContent = parts.join(" ");
    }, QUIET_MS);
    setTimeout(keepPlace, REPAIR_MS);
  };
  // Recording a prediction hides the button that was pressed: go on from what it became.
  const keepPlace = () => {
    const said = root()?.querySelector(".course-predict");
    if (document.activeElement !== document.body || !said?.contains(left)) return;
    said.tabIndex = -1;
    said.focus();
  };
  const root = () => el.closest(".course-lab");
  const question = () => {
    const box = root()?.querySelector(".course-explain");
    return box?.offsetParent ? box : null;
  };
  let left = null; // what was focused last in the lab
  model.on("change:sentence change:change change:code change:table change:alt", show);
  model.on("change:announcement", announce);
  show();

  // The lab's other widgets are attached after this one, and plotly draws later still.
  const watch = new MutationObserver(later);
  const resize = new ResizeObserver(() => {
    window.dispatchEvent(new Event("resize"));
    later(); // what fitted may scroll now
  });
  const attach = () => {
    const lab = root();
    if (!lab) return requestAnimationFrame(attach);
    lab.addEventListener("focusin", (event) => (left = event.target));
    lab.addEventListener("keydown", keepKey);
    // Before ipywidgets reads what stands there: it takes "2,000" for 2.
    for (const event of ["keydown", "focusout"]) lab.addEventListener(event, plainNumber, true);
    goal = lab.querySelector(".course-goal")?.textContent.trim() ?? "";
    // A button that opens and a slider that is unlocked change an attribute, and nothing else.
    const attributes = ["class", "disabled"];
    watch.observe(lab, { childList: true, subtree: true, attributeFilter: attributes });
    const plot = lab.querySelector(".course-plot");
    if (plot) resize.observe(plot);
    plot?.addEventListener("click", (event) => {
      const clicked = dataUnder(event, model.get("sets"));
      if (clicked) model.send(clicked);
    });
    repair(lab, model);
  };
  attach();
  return () => {
    clearTimeout(timer);
    clearTimeout(pause);
    watch.disconnect();
    resize.disconnect();
  };
}

function repair(lab, model) {
  if (!lab) return;
  set(lab, "data-lm-suppress-shortcuts", "true");
  set(lab, "role", "group");
  set(lab, "aria-label", model.get("title"));
  for (const [name, [label, unit]] of Object.entries(model.get("names"))) {
    const control = lab.querySelector(`.course-control-${name}`);
    if (!control) continue;
    const readout = control.querySelector(".widget-readout");
    if (readout) {
      set(readout, "role", "textbox");
      set(readout, "aria-label", `${label}: type a value`);
    }
    for (const handle of control.querySelectorAll(".noUi-handle")) {
      set(handle, "aria-label", label);
      set(handle, "aria-disabled", String(Boolean(handle.closest("[disabled]"))));
      // Read what the screen shows, not 76.80000000000001.
      if (readout) set(handle, "aria-valuetext", `${readout.textContent} ${unit}`.trim());
    }
    for (const menu of control.querySelectorAll("select")) set(menu, "aria-label", label);
    for (const box of control.querySelectorAll(".widget-radio-box")) {
      set(box, "role", "radiogroup");
      set(box, "aria-label", label);
      const group = `${model.get("title")}: ${name}`;
      for (const radio of box.querySelectorAll("input")) set(radio, "name", group);
    }
  }
  for (const plot of lab.querySelectorAll(".js-plotly-plot")) {
    set(plot, "role", "img");
    set(plot, "aria-label", model.get("alt"));
  }
  const place = lab.querySelector(".course-plot");
  // What scrolls must be reachable by keyboard.
  if (place?.scrollWidth > place?.clientWidth) set(place, "tabindex", "0");
  else place?.removeAttribute("tabindex");
  for (const toggle of lab.querySelectorAll(".widget-toggle-button")) {
    set(toggle, "aria-expanded", String(toggle.classList.contains("mod-active")));
  }
}

// Where a click fell, in data units, if its panel sets controls. Plotly itself reports clicks on
// points only, and an empty part of a phase plane is where people click.
function dataUnder(event, sets) {
  const drawn = event.target.closest(".js-plotly-plot");
  if (!drawn?._fullLayout) return null;
  const { left, top } = drawn.getBoundingClientRect();
  for (let panel = 0; panel < sets.length; panel += 1) {
    const { [`xaxis${panel ? panel + 1 : ""}`]: across, [`yaxis${panel ? panel + 1 : ""}`]: up } =
      drawn._fullLayout;
    const x = event.clientX - left - across._offset;
    const y = event.clientY - top - up._offset;
    const inside = x >= 0 && x <= across._length && y >= 0 && y <= up._length;
    if (sets[panel].length && inside) return { panel, x: across.p2d(x), y: up.p2d(y) };
  }
  return null;
}

// A plain key belongs to the lab; Escape, Shift+Enter and shortcuts with Ctrl to JupyterLab.
function keepKey(event) {
  const others = event.ctrlKey || event.metaKey || event.altKey;
  if (others || event.key === "Escape" || (event.shiftKey && event.key === "Enter")) return;
  event.stopPropagation();
}

// No line ends between a number and its percent sign.
function together(text) {
  return text.replace(/(\d) (?=%)/g, "$1\u00a0");
}

// The readout that is about to be read loses the commas of its thousands.
function plainNumber({ type, key, target }) {
  if (!target.matches(".widget-readout") || (type === "keydown" && key !== "Enter")) return;
  if (target.textContent.includes(",")) target.textContent = target.textContent.replaceAll(",", "");
}

// Setting an attribute to what it already is would wake the observer for nothing.
function set(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function node(tag, className, text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}

export default { render };
