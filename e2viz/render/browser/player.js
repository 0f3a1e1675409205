// Builds the page of one scene and keeps it in step with the clock.

const LAYOUT = `
  <div class="stage">
    <div class="lead">
      <div class="turntable"><canvas class="dial" tabindex="0" role="img"></canvas><p class="legend"></p></div>
      <div class="controls"></div>
    </div>
    <div class="side"><div class="charts"></div><div class="aside"></div></div>
  </div>
  <div class="plots"></div>
  <div class="rows"></div>
  <p class="caption"></p>
  <div class="tip" hidden></div>
  <p class="spoken" aria-live="polite"></p>`;

const MOST_BESIDE = 3;
const runsAlong = (chart) => Boolean(chart.cursor) || chart.tracks.some((track) => track.follows);

class Player {
  constructor(root, scene, clock, send) {
    Object.assign(this, { root, scene, clock, send });
    root.innerHTML = LAYOUT;
    this.still = window.matchMedia("(prefers-reduced-motion: reduce)");
    this.look = readLook(root);
    const find = (name) => root.querySelector(name);
    this.controls = new Controls(find(".controls"), clock, scene);
    find(".controls").hidden = scene.frames < 2 || !scene.options.controls;
    this.charts = scene.bars.map((bars) => new BarChart(bars, scene, this.look));
    find(".charts").append(...this.charts.map((chart) => chart.element));
    this.plots = scene.charts.map((chart) => new ChartView(chart, scene, this.look));
    find(".plots").append(...this.plots.map((plot) => plot.element));
    this.views = [];
    this.rows = [];
    this.placeBeside(find(".side"), find(".rows"), find(".plots"));
    for (const row of scene.rows) this.addRow(row);
    find(".caption").textContent = scene.caption;
    if (scene.picture || scene.rings.length) this.addDial(find(".dial"), find(".legend"));
    else find(".turntable").remove();
    if (!this.charts.length && !find(".side .row, .side .plot")) find(".side").remove();
    find(".stage").classList.toggle("paired", Boolean(this.dial && find(".side")));
    this.arrange(find(".stage"), find(".plots"));
    this.spoken = find(".spoken");
    this.tip = new Tip(this, find(".tip"));
  }

  // What stands beside the dial instead of below it, where there is room.
  placeBeside(side, rows, plots) {
    const { scene } = this;
    const panels = scene.rows.filter((row) => !row.aside).length;
    // A dial without rings and bars leaves room, and the rows are what is looked at; so are charts that run along.
    if (scene.picture && !scene.rings.length && !scene.bars.length) {
      if (panels) side.append(rows);
      if (!panels || scene.charts.some(runsAlong)) side.append(plots);
      return;
    }
    // The one curve of a few models stands below their bars, or in large type beside the dial: all is seen at once.
    const few = scene.bars.length <= MOST_BESIDE && (scene.bars.length || scene.options.presenter);
    if (scene.picture && few && !panels && scene.charts.length === 1 && !scene.charts[0].square) {
      side.append(plots);
      side.classList.add("filled");
    }
  }

  // What of the layout follows from what there is: as classes, since :has() is looked up again for every frame.
  arrange(stage, plots) {
    const { rows, charts, options, frames } = this.scene;
    const bare = !this.dial && frames > 1 && options.controls;
    const below = this.root.querySelector(":scope > .rows");
    stage.classList.toggle("bare", bare);
    stage.classList.toggle("thumb", bare && Boolean(stage.querySelector(".aside .row")));
    stage.classList.toggle("over", Boolean(this.dial && this.charts.length && below?.children.length));
    const beside = stage.querySelector(".side .rows, .side .plots");
    stage.classList.toggle("follow", Boolean(this.dial && beside && !this.charts.length));
    const abreast = rows.length > 3 && !rows.some((row) => row.halves);
    stage.querySelector(".side .rows")?.classList.toggle("abreast", abreast);
    plots?.classList.toggle("three", charts.length > 2 && charts.some((chart) => chart.square));
    below?.classList.toggle("matrix", bare && !options.presenter && rows.every((row) => row.halves || row.aside));
    below?.classList.toggle("alone", bare && rows.length === 1 && rows[0].panels.length > 3);
    if (bare && below) this.groupByModel(below);
  }

  // Two models or more, each with whole rows of its own: they stand side by side, to be compared.
  groupByModel(rows) {
    const own = [...rows.children];
    const models = [...new Set(own.map((row) => row.dataset.model))];
    if (models.length < 2 || models.includes(undefined) || rows.classList.contains("matrix")) return;
    const groups = models.map((model) => own.filter((row) => row.dataset.model === model));
    rows.append(...groups.map((group) => {
      const element = document.createElement("div");
      element.className = "model-rows";
      element.classList.toggle("alone", group.length === 1);
      element.append(...group);
      return element;
    }));
    rows.classList.add("models");
  }

  addDial(canvas, legend) {
    this.dial = new Dial(canvas, this.scene, this.look);
    turnByHand(this.dial, this.clock, this.scene, this.root);
    canvas.setAttribute("aria-label", this.scene.title || "The turning picture");
    for (const ring of this.scene.rings) {
      const item = document.createElement("span");
      item.dataset.model = ring.color;
      item.textContent = ring.label;
      legend.append(item);
    }
  }

  addRow(row) {
    const { element, views } = rowView(row, this.scene, this.views.length);
    // The same layers once more, of another group element: said once.
    const same = (a, b) => ["probe", "palette", "low", "high", "color"].every((name) => a[name] === b[name]);
    const last = this.lastRow;
    const again = last && last.halves === row.halves && last.panels.length === row.panels.length;
    const alike = again && row.panels[0].probe && row.panels.every((panel, k) => same(panel, last.panels[k]));
    element.classList.toggle("again", Boolean(alike));
    if (alike) this.rows.at(-1).element.classList.add("followed");
    this.lastRow = row;
    this.views.push(...views);
    this.rows.push({ element, views });
    this.root.querySelector(row.aside ? ".aside" : ".rows").append(element);
    for (const view of views) this.listen(view);
  }

  listen(view) {
    if (!this.scene.options.report_pixel) return;
    view.canvas.classList.add("pickable");
    view.canvas.addEventListener("click", (event) => {
      const place = view.locate(event);
      this.markPixel(view, place);
      this.send("pixel", { panel: view.index, ...place, frame: frameAt(this.scene, this.clock.turn) });
    });
  }

  markPixel(chosen, place) {
    for (const view of this.views) {
      const same = view.panel.width === chosen.panel.width && view.panel.height === chosen.panel.height;
      view.markAt(same ? place : null);
    }
  }

  // Parts by the names that recipes and lessons have for them: "dial", "bars:0", "chart:1", "row:2", "panel:2.0".
  parts() {
    const found = { dial: this.root.querySelector(".turntable") };
    if (this.charts.length) found.bars = this.root.querySelector(".charts");
    this.charts.forEach((chart, k) => (found[`bars:${k}`] = chart.element));
    this.plots.forEach((plot, k) => (found[`chart:${k}`] = plot.element));
    this.rows.forEach(({ element, views }, k) => {
      found[`row:${k}`] = element;
      views.forEach((view, n) => (found[`panel:${k}.${n}`] = view.element));
    });
    return Object.fromEntries(Object.entries(found).filter(([, element]) => element));
  }

  // Words elsewhere on the page point at a part, and are told which parts lie under the pointer.
  answerPointing() {
    const parts = this.parts();
    const mark = ({ detail }) => {
      for (const [name, element] of Object.entries(parts)) element.classList.toggle("pointed", name === detail);
      this.root.classList.toggle("pointing", detail in parts);
    };
    const tell = (event) => {
      const within = event.composedPath();
      const names = Object.keys(parts).filter((name) => within.includes(parts[name]));
      const said = names.join();
      if (said === this.told) return;
      this.told = said;
      window.dispatchEvent(new CustomEvent("e2viz:pointed", { detail: names }));
    };
    const leave = () => tell({ composedPath: () => [] });
    window.addEventListener("e2viz:point", mark);
    for (const name of ["pointerover", "focusin"]) this.root.addEventListener(name, tell);
    for (const name of ["pointerleave", "focusout"]) this.root.addEventListener(name, leave);
    return () => {
      window.removeEventListener("e2viz:point", mark);
      for (const name of ["pointerover", "focusin"]) this.root.removeEventListener(name, tell);
      for (const name of ["pointerleave", "focusout"]) this.root.removeEventListener(name, leave);
    };
  }

  layout() {
    Object.assign(this.look, readLook(this.root));
    this.look.model = (color) => (this.look.dark && this.scene.dark_colors[color.toLowerCase()]) || color;
    for (const element of this.root.querySelectorAll("[data-model]"))
      element.style.setProperty("--model", this.look.model(element.dataset.model));
    this.dial?.layout();
    for (const chart of [...this.charts, ...this.plots]) chart.layout();
    this.shown = -1;
    this.paint();
  }

  paint(settled = false) {
    const { scene, clock, root } = this;
    const frame = frameAt(scene, clock.turn);
    const moving = (clock.playing || clock.scrubbing) && !(this.still.matches && !clock.scrubbing);
    const angle_deg = moving ? angleAt(scene, clock.turn) : scene.angles_deg[frame];
    this.dial?.paint(frame, angle_deg);
    this.controls.paint(frame, scene.angles_deg[frame]);
    if (this.shown !== frame) {
      for (const chart of [...this.charts, ...this.plots]) chart.paint(frame);
      for (const view of this.views) view.paint(frame);
      this.shown = frame;
      root.dataset.frame = frame;
      this.tip.refresh(frame);
    }
    root.dataset.playing = clock.playing;
    if (clock.playing) root.dataset.fps = clock.fps.toFixed(1);
    if (settled) this.settle(frame);
  }

  // In front of a class: the keys 1 to 9 point at a part and 0 at none.
  pointAt(key) {
    const parts = this.root.querySelectorAll(".turntable, .bars, .plot, .panels figure");
    const chosen = parts[Number(key) - 1];
    for (const part of parts) part.classList.toggle("pointed", part === chosen && !part.classList.contains("pointed"));
    this.root.classList.toggle("pointing", Boolean(this.root.querySelector(".pointed")));
  }

  settle(frame) {
    const says = this.charts.map((chart) => chart.describe(frame));
    this.spoken.textContent = [`${this.scene.angles_deg[frame]}°`, ...says].join("; ");
    if (this.scene.options.report_frame && this.reported !== frame) {
      this.reported = frame;
      this.send("frame", frame);
    }
  }
}

function readLook(root) {
  const style = getComputedStyle(root);
  const value = (name, other) => style.getPropertyValue(name).trim() || other;
  const background = value("--st-background-color", "#ffffff");
  return {
    text: style.color,
    background,
    dark: isDark(background),
    faint: style.getPropertyValue("--rule"),
    font: style.fontFamily,
    size: parseFloat(style.fontSize),
  };
}

// The canvas turns whatever CSS calls a colour into the six digits that can be weighed.
function isDark(color, share = 1, under = color) {
  const c = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  for (const [paint, alpha] of [[under, 1], [color, share]]) {
    c.globalAlpha = alpha;
    c.fillStyle = paint;
    c.fillRect(0, 0, 1, 1);
  }
  const [r, g, b] = c.getImageData(0, 0, 1, 1).data;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b < 110;
}

function scaffold(parentElement) {
  const root = document.createElement("div");
  root.className = "player";
  parentElement.append(root);
  const state = { root };
  root.addEventListener("keydown", (event) => state.player.controls.key(event));
  new ResizeObserver(() => state.player?.layout()).observe(root);
  // A change of theme changes a colour, and the stylesheet lets colours take a moment: the end of it is the signal.
  root.addEventListener("transitionend", (event) => event.target === root && state.player?.layout());
  document.fonts?.ready.then(() => state.player?.layout());
  return state;
}

export default function show({ data, parentElement, setStateValue }) {
  const state = (parentElement.e2viz ??= scaffold(parentElement));
  state.send = setStateValue;
  const scene = unpack(data);
  if (state.checksum !== scene.checksum) {
    state.release?.();
    const { options } = scene;
    const turn = state.clock ? state.clock.turn : turnOf(scene, options.start_frame);
    if (!state.clock || state.group !== options.group) {
      state.clock = clockOf(options.group, turn, options.turn_s);
      state.group = options.group;
    }
    state.root.classList.toggle("presenter", options.presenter);
    const player = new Player(state.root, scene, state.clock, (name, value) => state.send(name, value));
    const leave = [state.clock.subscribe((settled) => player.paint(settled)), takeStrayKeys(player), player.answerPointing()];
    state.release = () => leave.forEach((each) => each());
    Object.assign(state, { player, checksum: scene.checksum });
    player.layout();
    if (options.autoplay && !player.still.matches && !state.started) state.clock.play();
    state.started = true;
  }
  return () => {
    state.release?.();
    delete parentElement.e2viz;
    state.root.remove();
  };
}
