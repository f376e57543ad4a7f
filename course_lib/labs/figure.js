// Plotly for the labs: its 5 MB are read once for all labs of a page, and without haste.
//
// A widget whose module is not ready within two seconds is given up by anywidget, and its lab
// stays empty for good. On a slow computer, reading plotly takes longer; so the widget is this
// small module, ready at once, and plotly may take the time it needs before the first drawing.

const plotly = (model) => {
  const source = new Blob([model.get("_plotly")], { type: "text/javascript" });
  return (globalThis.coursePlotly ??= import(URL.createObjectURL(source)));
};

// A lab only ever sends. After every redraw plotly reports each default that it filled in, 27 kB in
// two messages, and each keeps the kernel busy when the next key comes: these stay here.
const oneWay = (context) => {
  const { model } = context;
  const set = (name, value) => name.startsWith("_js2py") || model.set(name, value);
  return { ...context, model: Object.assign(Object.create(model), { set }) };
};

export default () => {
  let widget;
  return {
    initialize(context) {
      widget = plotly(context.model).then(async (module) => {
        const made = module.default();
        await made.initialize(oneWay(context));
        return made;
      });
    },
    async render(context) {
      return (await widget).render(oneWay(context));
    },
  };
};
