// What JupyterLite lacks for this course: a line that says where work lives and how to keep it, and
// saved notebooks that can be read without a kernel.
//
// This is a JupyterLab extension as webpack would build it, written by hand: a container that is
// given JupyterLab's own modules, and hands out one plugin.

const WIDGET = "application/vnd.jupyter.widget-view+json";
const HIDDEN = "course: hide where work lives";
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

function banner(Widget) {
  const node = document.createElement("div");
  node.className = "course-where";
  node.setAttribute("role", "note");
  node.append(
    "Your work is kept in this browser, on this computer, and nowhere else. To keep a copy: save " +
      "with Ctrl+S (Mac: Command+S), then choose File, Download.",
  );
  const hide = document.createElement("button");
  hide.type = "button";
  hide.textContent = "Hide";
  node.append(hide);
  const widget = new Widget({ node });
  widget.id = "course-where";
  hide.addEventListener("click", () => {
    sessionStorage.setItem(HIDDEN, "yes");
    widget.dispose();
  });
  return widget;
}

const STYLE = `
.course-where { display: flex; gap: 1em; align-items: center; justify-content: space-between;
  min-height: 28px; padding: 4px 12px; background: #fff3d6; color: #222; font-size: 13px; }
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
    if (sessionStorage.getItem(HIDDEN)) return;
    const { Widget } = await shared("@lumino/widgets");
    document.head.append(Object.assign(document.createElement("style"), { textContent: STYLE }));
    app.shell.add(banner(Widget), "header");
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
