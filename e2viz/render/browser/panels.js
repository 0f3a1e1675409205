// Small multiples: one canvas a panel, at the panel's own resolution; the browser enlarges it without smoothing.

// A tensor of somebody's graph is named by a long path: its end tells it apart, the whole stands in the tip.
const tail = (name, most = 28) => {
  if (!name.includes("/") || name.length <= most) return name;
  const steps = name.split("/");
  let end = steps.pop();
  while (steps.length && end.length + steps.at(-1).length + 3 <= most) end = `${steps.pop()}/${end}`;
  return `…/${end}`;
};

class PanelView {
  constructor(panel, index, scene) {
    Object.assign(this, { panel, index, scene, shown: -1 });
    this.element = document.createElement("figure");
    this.element.innerHTML = `<figcaption><span class="name"></span><code></code></figcaption>
      <div class="pixels"><canvas role="img"></canvas><i class="mark" hidden></i><i class="point" hidden></i><i class="box" hidden></i></div><small></small>`;
    this.element.querySelector(".name").textContent = panel.title;
    const code = this.element.querySelector("code");
    const steps = tail(panel.probe).split(/(?<=[._/])/).flatMap((step) => [step, document.createElement("wbr")]);
    code.append(...steps.slice(0, -1));
    code.title = panel.probe;
    this.element.querySelector("small").textContent = panel.caption;
    if (panel.color) this.element.dataset.model = panel.color;
    this.element.classList.toggle("wide", panel.width > 2.5 * panel.height);
    this.canvas = this.element.querySelector("canvas");
    this.mark = this.element.querySelector(".mark");
    this.point = this.element.querySelector(".point");
    this.box = this.element.querySelector(".box");
    this.canvas.width = panel.width;
    this.canvas.height = panel.height;
    this.canvas.classList.toggle("smooth", panel.width > 96);
    this.canvas.setAttribute("aria-label", [panel.title, panel.probe].filter(Boolean).join(", ") || "map");
    this.context = this.canvas.getContext("2d");
    this.image = new ImageData(panel.width, panel.height);
  }

  paint(frame) {
    this.follow(frame);
    if (this.shown === frame || (this.shown >= 0 && this.panel.frames === 1)) return;
    paintPixels(this.panel, frame, this.image);
    this.context.putImageData(this.image, 0, 0);
    this.shown = frame;
  }

  // The panel's own point and box: what it says something about, at this frame.
  follow(frame) {
    const { marker, outline } = this.panel;
    if (marker) {
      const [row, col] = marker[marker.length > 1 ? frame : 0];
      this.place(this.point, { row: row + 0.5, col: col + 0.5, height: 0, width: 0 });
    }
    if (outline) {
      const [row, col, height, width] = outline[outline.length > 1 ? frame : 0];
      this.place(this.box, { row, col, height, width });
    }
  }

  place(element, { row, col, height, width }) {
    const share = { left: col / this.panel.width, top: row / this.panel.height };
    if (width) Object.assign(share, { width: width / this.panel.width, height: height / this.panel.height });
    for (const [side, part] of Object.entries(share)) element.style[side] = `${100 * part}%`;
    element.hidden = false;
  }

  locate(event) {
    const box = this.canvas.getBoundingClientRect();
    const inside = (at, size) => Math.min(Math.max(Math.floor(at * size), 0), size - 1);
    return {
      row: inside((event.clientY - box.top) / box.height, this.panel.height),
      col: inside((event.clientX - box.left) / box.width, this.panel.width),
    };
  }

  read(frame, row, col) {
    const { panel } = this;
    const start = (panel.frames > 1 ? frame : 0) * panel.size;
    const at = start + (row * panel.width + col) * panel.channels;
    if (panel.channels === 3) return this.colorName(panel.pixels.subarray(at, at + 3));
    return number(panel.low + (panel.pixels[at] / 255) * (panel.high - panel.low));
  }

  // A class map is sent in the colours of the classes: say the class.
  colorName(rgb) {
    const hex = "#" + Array.from(rgb, (step) => step.toString(16).padStart(2, "0")).join("");
    return this.scene.class_names[this.scene.class_colors.indexOf(hex)] ?? Array.from(rgb).join(" ");
  }

  // Where panels of a row differ in scale, each says its own.
  showScale() {
    const { low, high, table, channels, palette } = this.panel;
    if (channels !== 1 || palette === "grey") return;
    const own = document.createElement("span");
    own.className = "own-scale";
    own.innerHTML = `<b></b><canvas width="256" height="1"></canvas><b></b>`;
    const [left, right] = own.querySelectorAll("b");
    left.textContent = low === -high ? "" : number(low);
    right.textContent = (low === -high ? "±" : "") + number(high);
    const ramp = new ImageData(256, 1);
    new Uint32Array(ramp.data.buffer).set(table);
    own.querySelector("canvas").getContext("2d").putImageData(ramp, 0, 0);
    this.element.append(own);
  }

  markAt(place) {
    this.mark.hidden = !place;
    if (place) this.place(this.mark, { ...place, height: 1, width: 1 });
  }
}

function number(value) {
  const size = Math.abs(value);
  if (value !== 0 && (size < 0.001 || size >= 10000)) return value.toExponential(1);
  return String(Number(value.toPrecision(3))).replace("-", "−");
}

// A row has one scale when all of its panels share it; it is drawn once, beside the row's name.
function rowView(row, scene, nextIndex) {
  const element = document.createElement("section");
  element.className = "row";
  element.style.setProperty("--count", row.panels.length);
  element.style.setProperty("--columns", row.columns || Math.min(row.panels.length, 6));
  element.classList.toggle("dense", row.columns > 6);
  element.innerHTML = `<header><h4></h4><span class="scale" hidden><b></b><canvas width="256" height="1"></canvas><b></b></span></header>
    <div class="panels"></div>`;
  element.querySelector("h4").textContent = row.label;
  if (row.color) element.dataset.model = row.color;
  const views = row.panels.map((panel, k) => new PanelView(panel, nextIndex + k, scene));
  element.querySelector(".panels").append(...views.map((view) => view.element));
  if (row.halves) {
    element.classList.add("halves");
    element.style.setProperty("--half", row.panels.length / 2);
    views[row.panels.length / 2].element.classList.add("second");
  }
  const maps = row.panels.filter((panel) => panel.channels === 1 && panel.palette !== "grey");
  const [first] = maps;
  const shared = maps.every(
    (panel) => panel.palette === first.palette && panel.low === first.low && panel.high === first.high);
  if (!row.scale) return { element, views };
  if (shared && first) {
    const scale = element.querySelector(".scale");
    scale.hidden = false;
    const [low, high] = scale.querySelectorAll("b");
    low.textContent = number(first.low);
    high.textContent = number(first.high);
    const ramp = new ImageData(256, 1);
    new Uint32Array(ramp.data.buffer).set(first.table);
    scale.querySelector("canvas").getContext("2d").putImageData(ramp, 0, 0);
  } else views.forEach((view) => view.showScale());
  return { element, views };
}
