// What JupyterLite lacks for this course: a line that says where work lives and how to keep it, and
// saved notebooks that can be read without a kernel.
//
// This is a JupyterLab extension as webpack would build it, written by hand: a container that is
// given JupyterLab's own modules, and hands out one plugin.

const WIDGET = "application/vnd.jupyter.widget-view+json";
let modules;

// A widget lives as long as its kernel. Saved, it would show "Error displaying widget: model not
// found" after a reload; without it, the page shows the lab's sentence and table.
// The same as course_lib/server.py does where there is a server.
function readable(model) {
  if (model?.type !== "notebook" || !model.content?.cells) return model;
  const content = structuredClone(model.content);
  for (const cell of content.cells)
    for (const { data } of cell.outputs ?? []) if (data?.["text/html"]) delete data[WIDGET];
  delete content.metadata.widgets;
  return { ...model, content };
}

// JupyterLite has no entry for this in its menus.
async function download(app, say) {
  const { context } = app.shell.currentWidget ?? {};
  if (!context) return say("Open a lesson or a quiz first.");
  await context.save();
  const { content, name } = await app.serviceManager.contents.get(context.path, {
    content: true,
  });
  const text = typeof content === "string" ? content : `${JSON.stringify(content, null, 1)}\n`;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text]));
  link.download = name;
  link.click();
  say(`Saved, and downloaded as ${name}.`);
}

function banner(app, Widget) {
  const node = element("div", { className: "course-where" });
  node.setAttribute("role", "region");
  node.setAttribute("aria-label", "Where your work is");
  const says = element("span", {
    textContent: "Your work is kept in this browser and nowhere else.",
  });
  says.setAttribute("role", "status");
  const copy = element("button", { type: "button", textContent: "Save and download a copy" });
  copy.addEventListener("click", () => download(app, (text) => (says.textContent = text)));
  const hide = element("button", { type: "button", textContent: "Hide" });
  node.append(says, copy, hide);
  const widget = new Widget({ node });
  widget.id = "course-where";
  hide.addEventListener("click", () => widget.dispose());
  return widget;
}

function element(tag, values) {
  return Object.assign(document.createElement(tag), values);
}

const STYLE = `
.course-where { display: flex; gap: 1em; align-items: center; min-height: 36px; padding: 0 12px;
  background: #fff3d6; color: #222; font-size: 13px; }
.course-where span { flex: 1; }
.course-where button { font: inherit; color: inherit; background: #fff; border: 1px solid #767676;
  border-radius: 3px; padding: 2px 10px; cursor: pointer; }
.course-where button:focus-visible { outline: 3px solid #0072b2; }
`;

const plugin = {
  id: "course-in-browser:plugin",
  autoStart: true,
  async activate(app) {
    const { contents } = app.serviceManager;
    const save = contents.save.bind(contents);
    contents.save = (path, options) => save(path, readable(options));
    // As in JupyterLab: a key goes to what has the focus first. JupyterLite would take the arrow keys
    // of a slider as commands of the notebook. Read once all plugins are active.
    app._bubblingKeydown = true;
    const { Widget } = await shared("@lumino/widgets");
    document.head.append(element("style", { textContent: STYLE }));
    app.shell.add(banner(app, Widget), "header");
  },
};

async function shared(name) {
  const [version] = Object.values(modules[name]);
  return (await version.get())();
}

(globalThis._JUPYTERLAB ??= {})["course-in-browser"] = {
  init(scope) {
    modules = scope;
  },
  async get() {
    return () => plugin;
  },
};
