// A drawing pad. What is drawn is kept as strokes, so that undo and a change of theme cost nothing.
// The picture that is sent is always bright ink on black, whatever the page looks like.

const SENT_SIZE = 280;

class Pad {
  constructor(root, send) {
    Object.assign(this, { root, send, strokes: [], pen: 0.085 });
    root.innerHTML = `
      <canvas role="img" tabindex="0"></canvas>
      <div class="tools">
        <label>Pen <input type="range" min="0.04" max="0.16" step="0.005" value="${this.pen}" aria-label="Pen width"></label>
        <button class="undo" type="button">Undo</button><button class="clear" type="button">Clear</button>
        <button class="use" type="button">Use drawing</button>
      </div>`;
    const find = (name) => root.querySelector(name);
    this.canvas = find("canvas");
    this.buttons = { undo: find(".undo"), clear: find(".clear"), use: find(".use") };
    find("input").addEventListener("input", (event) => (this.pen = Number(event.target.value)));
    this.buttons.undo.addEventListener("click", () => this.change(() => this.strokes.pop()));
    this.buttons.clear.addEventListener("click", () => this.change(() => (this.strokes.length = 0)));
    this.buttons.use.addEventListener("click", () => this.send("picture", this.picture()));
    root.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "z") this.change(() => this.strokes.pop());
    });
    this.listen();
    new ResizeObserver(() => this.paint()).observe(this.canvas);
  }

  listen() {
    let stroke = null;
    const at = (event) => {
      const box = this.canvas.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !event.isPrimary) return;
      this.canvas.setPointerCapture(event.pointerId);
      stroke = { width: this.pen, points: [at(event)] };
      this.change(() => this.strokes.push(stroke));
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!stroke) return;
      for (const each of event.getCoalescedEvents?.() ?? [event]) stroke.points.push(at(each));
      this.paint();
    });
    for (const name of ["pointerup", "pointercancel"])
      this.canvas.addEventListener(name, () => {
        stroke = null;
      });
  }

  change(act) {
    act();
    this.paint();
  }

  paint() {
    const size = Math.round(this.canvas.clientWidth * (window.devicePixelRatio || 1));
    if (!size) return;
    if (this.canvas.width !== size) this.canvas.width = this.canvas.height = size;
    const style = getComputedStyle(this.root);
    this.draw(this.canvas, style.getPropertyValue("--paper"), style.getPropertyValue("--ink"));
    for (const button of Object.values(this.buttons)) button.disabled = !this.strokes.length;
    this.root.dataset.strokes = this.strokes.length;
  }

  draw(canvas, paper, ink) {
    const c = canvas.getContext("2d");
    const size = canvas.width;
    c.fillStyle = paper;
    c.fillRect(0, 0, size, size);
    c.strokeStyle = ink;
    c.lineCap = c.lineJoin = "round";
    for (const { width, points } of this.strokes) {
      c.lineWidth = width * size;
      c.beginPath();
      c.moveTo(points[0][0] * size, points[0][1] * size);
      // Through the middles of neighbouring points, so that a quick hand leaves no corners.
      for (let k = 1; k < points.length - 1; k++) {
        const middle = [0, 1].map((d) => ((points[k][d] + points[k + 1][d]) / 2) * size);
        c.quadraticCurveTo(points[k][0] * size, points[k][1] * size, ...middle);
      }
      const last = points.at(-1);
      c.lineTo(last[0] * size + 0.01, last[1] * size);
      c.stroke();
    }
  }

  picture() {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SENT_SIZE;
    this.draw(canvas, "#000", "#fff");
    return canvas.toDataURL("image/png");
  }
}

export default function ({ data, parentElement, setStateValue }) {
  if (!parentElement.e2viz) {
    const root = document.createElement("div");
    root.className = "pad";
    parentElement.append(root);
    const pad = new Pad(root, (name, value) => parentElement.e2viz.send(name, value));
    root.addEventListener("transitionend", (event) => event.target === root && pad.paint());
    parentElement.e2viz = { root, pad };
  }
  parentElement.e2viz.send = setStateValue;
  const article = /^[aeiou]/.test(data.noun) ? "an" : "a";
  const words = `Drawing pad: draw ${article} ${data.noun} with mouse, pen or finger`;
  parentElement.e2viz.root.querySelector("canvas").setAttribute("aria-label", words);
  parentElement.e2viz.pad.paint();
  return () => {
    parentElement.e2viz.root.remove();
    delete parentElement.e2viz;
  };
}
