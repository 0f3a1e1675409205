// A picture with a square that can be moved and sized, or with several drawings of which one can be chosen.
// Positions are shares of the picture; the square's side is a share of the shorter side.

const STEP = 0.02;
const LEAST = 0.05;

class Cut {
  constructor(root, send) {
    Object.assign(this, { root, send, cut: null, timer: 0, moving: null });
    root.innerHTML = `
      <div class="picture"><img alt=""><div class="square" tabindex="0" role="application"
        aria-label="Square that is cut out: arrow keys move it, plus and minus change its size">
        <i data-corner="-1,-1"></i><i data-corner="1,-1"></i><i data-corner="-1,1"></i><i data-corner="1,1"></i>
      </div></div>
      <label>Size <input type="range" min="${LEAST}" max="1" step="0.01" aria-label="Side of the square"></label>
      <p role="status"></p>`;
    const find = (name) => root.querySelector(name);
    this.picture = find(".picture");
    this.image = find("img");
    this.square = find(".square");
    this.range = find("input");
    this.said = find("p");
    this.listen();
  }

  show({ source, width, height, label, cut, boxes, chosen }) {
    if (this.image.src !== source) this.image.src = source;
    Object.assign(this, { width, height });
    this.image.alt = label;
    this.picture.style.aspectRatio = `${width} / ${height}`;
    this.root.classList.toggle("choosing", !cut);
    // From then on the hand here knows best: an answer that comes late must not move the square back.
    if (cut && !this.cut) this.place(cut);
    for (const old of this.picture.querySelectorAll("button")) old.remove();
    for (const [k, box] of (boxes ?? []).entries()) this.picture.append(this.button(box, k, boxes.length, k === chosen));
    if (!cut) this.said.textContent = "";
  }

  button([left, top, right, bottom], k, count, on) {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-label", `Drawing ${k + 1} of ${count}`);
    button.setAttribute("aria-pressed", String(on));
    const percent = (share) => `${100 * share}%`;
    Object.assign(button.style, {
      left: percent(left), top: percent(top), width: percent(right - left), height: percent(bottom - top),
    });
    button.addEventListener("click", () => this.send("drawing", [(left + right) / 2, (top + bottom) / 2]));
    return button;
  }

  // Shares of the width and of the height that the square takes.
  extent(side) {
    const shorter = Math.min(this.width, this.height);
    return [(side * shorter) / this.width, (side * shorter) / this.height];
  }

  place({ x, y, side }) {
    side = Math.min(1, Math.max(LEAST, side));
    const [across, down] = this.extent(side);
    const inside = (value, size) => Math.min(1 - size / 2, Math.max(size / 2, value));
    this.cut = { x: inside(x, across), y: inside(y, down), side };
    const percent = (share) => `${100 * share}%`;
    Object.assign(this.square.style, {
      left: percent(this.cut.x - across / 2), top: percent(this.cut.y - down / 2),
      width: percent(across), height: percent(down),
    });
    this.range.value = side;
    const round = (share) => Math.round(100 * share);
    this.said.textContent =
      `${round(this.cut.x - across / 2)} % from the left, ${round(this.cut.y - down / 2)} % from the top, ` +
      `${round(side)} % of the shorter side`;
  }

  // What is dragged is drawn at once; the server hears of it when the hand rests.
  tell(wait_ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = 0;
      const digits = (value) => Math.round(value * 1e4) / 1e4;
      this.send("cut", { x: digits(this.cut.x), y: digits(this.cut.y), side: digits(this.cut.side) });
    }, wait_ms);
  }

  listen() {
    const at = (event) => {
      const box = this.picture.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    };
    this.square.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !event.isPrimary) return;
      event.preventDefault();
      this.square.setPointerCapture(event.pointerId);
      this.square.focus({ preventScroll: true });
      const corner = event.target.dataset.corner?.split(",").map(Number);
      this.moving = { from: at(event), cut: { ...this.cut }, corner };
    });
    this.square.addEventListener("pointermove", (event) => {
      if (!this.moving) return;
      const now = at(event);
      const { from, cut, corner } = this.moving;
      const moved = [now[0] - from[0], now[1] - from[1]];
      if (!corner) this.place({ ...cut, x: cut.x + moved[0], y: cut.y + moved[1] });
      else this.pull(cut, corner, moved);
    });
    for (const name of ["pointerup", "pointercancel"])
      this.square.addEventListener(name, () => {
        if (this.moving) this.tell(0);
        this.moving = null;
      });
    this.square.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      const size = { "+": 1, "=": 1, "-": -1 }[event.key];
      if (!move && !size) return;
      event.preventDefault();
      const step = event.shiftKey && move ? STEP * 5 : STEP;
      const [x, y] = move ?? [0, 0];
      this.place({ x: this.cut.x + x * step, y: this.cut.y + y * step, side: this.cut.side + (size ?? 0) * STEP });
      this.tell(400);
    });
    this.range.addEventListener("input", () => {
      this.place({ ...this.cut, side: Number(this.range.value) });
      this.tell(400);
    });
  }

  // The corner opposite to the one that is pulled stays where it is.
  pull(cut, [right, down], moved) {
    const shorter = Math.min(this.width, this.height);
    const wider = Math.max((right * moved[0] * this.width) / shorter, (down * moved[1] * this.height) / shorter);
    const [across, tall] = this.extent(cut.side);
    const anchor = [cut.x - (right * across) / 2, cut.y - (down * tall) / 2];
    const room = Math.min(
      ((right > 0 ? 1 - anchor[0] : anchor[0]) * this.width) / shorter,
      ((down > 0 ? 1 - anchor[1] : anchor[1]) * this.height) / shorter,
    );
    const side = Math.min(room, Math.max(LEAST, cut.side + wider));
    const [newAcross, newTall] = this.extent(side);
    this.place({ x: anchor[0] + (right * newAcross) / 2, y: anchor[1] + (down * newTall) / 2, side });
  }
}

export default function ({ data, parentElement, setStateValue }) {
  if (!parentElement.e2viz) {
    const root = document.createElement("div");
    root.className = "cut";
    parentElement.append(root);
    parentElement.e2viz = { root, cut: new Cut(root, (name, value) => parentElement.e2viz.send(name, value)) };
  }
  parentElement.e2viz.send = setStateValue;
  parentElement.e2viz.cut.show(data);
  return () => {
    parentElement.e2viz.root.remove();
    delete parentElement.e2viz;
  };
}
