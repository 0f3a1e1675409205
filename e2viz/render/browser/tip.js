// The value under the pointer: of a panel's pixel, of a chart's curve, or of a ring's segment. The same by keyboard: a
// panel or chart that has the focus has a point that arrow keys move (Shift: further), over its edge into the next
// panel of its row; Enter is a click. A ring is read by turning the dial.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

class Tip {
  constructor(player, element) {
    Object.assign(this, { player, element });
    for (const view of player.views) {
      const text = (event, frame) => this.panelText(view, event, frame);
      this.follow(view.canvas, text);
      this.point(view.canvas, text, view.panel.width, view.panel.height);
    }
    for (const plot of player.plots) {
      this.follow(plot.canvas, (event) => plot.read(event));
      this.point(plot.canvas, (event) => plot.read(event), 72, 24);
    }
    this.oneStopForEachRow();
    if (player.dial) this.follow(player.dial.canvas, (event) => this.ringText(event));
  }

  follow(target, text) {
    target.addEventListener("pointermove", (event) => {
      if (event.pointerType === "touch" && !event.isPrimary) return;
      this.now = { event, text };
      this.refresh(frameAt(this.player.scene, this.player.clock.turn));
    });
    for (const name of ["pointerleave", "pointercancel"])
      target.addEventListener(name, () => {
        this.now = null;
        this.element.hidden = true;
      });
  }

  // A point of the canvas that arrow keys move, a column or a row at a time.
  point(canvas, text, columns, rows) {
    const at = { x: Math.floor(columns / 2), y: Math.floor(rows / 2) };
    const event = () => {
      const box = canvas.getBoundingClientRect();
      const x = box.left + ((at.x + 0.5) / columns) * box.width;
      return { clientX: x, clientY: box.top + ((at.y + 0.5) / rows) * box.height };
    };
    const show = () => {
      this.now = { event: event(), text };
      this.refresh(frameAt(this.player.scene, this.player.clock.turn));
      this.player.spoken.textContent = this.element.hidden ? "" : this.element.textContent;
    };
    canvas.tabIndex = 0;
    canvas.addEventListener("focus", () => canvas.matches(":focus-visible") && show());
    canvas.addEventListener("blur", () => {
      this.now = null;
      this.element.hidden = true;
    });
    canvas.addEventListener("keydown", (pressed) => {
      if (pressed.key === "Enter") return canvas.dispatchEvent(new MouseEvent("click", { bubbles: true, ...event() }));
      const [x, y] = ARROWS[pressed.key] ?? [];
      if (x === undefined || pressed.ctrlKey || pressed.altKey || pressed.metaKey) return;
      pressed.preventDefault();
      pressed.stopPropagation();
      const far = pressed.shiftKey ? Math.max(1, Math.round((x ? columns : rows) / 6)) : 1;
      const next = at.x + x * far;
      const neighbour = next < 0 ? -1 : next >= columns ? 1 : 0;
      if (neighbour && this.toNeighbour(canvas, neighbour)) return;
      at.x = Math.min(Math.max(next, 0), columns - 1);
      at.y = Math.min(Math.max(at.y + y * far, 0), rows - 1);
      show();
    });
  }

  // Tab goes from row to row, not through dozens of panels.
  oneStopForEachRow() {
    for (const row of this.player.root.querySelectorAll(".row"))
      row.querySelectorAll("canvas[tabindex]").forEach((canvas, k) => (canvas.tabIndex = k ? -1 : 0));
  }

  toNeighbour(canvas, step) {
    const all = [...(canvas.closest(".row")?.querySelectorAll("canvas[tabindex]") ?? [])];
    const next = all[all.indexOf(canvas) + step];
    if (!next) return false;
    canvas.tabIndex = -1;
    next.tabIndex = 0;
    next.focus({ focusVisible: true });
    return true;
  }

  refresh(frame) {
    if (!this.now) return;
    const { event, text } = this.now;
    const words = this.player.clock.scrubbing ? "" : text(event, frame);
    this.element.hidden = !words;
    if (!words) return;
    if (this.element.textContent !== words) this.element.textContent = words;
    const box = this.player.root.getBoundingClientRect();
    const left = Math.min(event.clientX - box.left + 14, box.width - this.element.offsetWidth - 4);
    this.element.style.transform = `translate(${Math.max(left, 0)}px, ${event.clientY - box.top + 18}px)`;
  }

  panelText(view, event, frame) {
    const { row, col } = view.locate(event);
    return `${view.read(frame, row, col)}\nrow ${row}, column ${col}`;
  }

  ringText(event) {
    const { scene, dial } = this.player;
    const { ring, angle_deg } = dial.locate(event);
    dial.canvas.style.cursor = "";
    if (!ring) return "";
    const frame = frameAt(scene, turnAtAngle(scene, angle_deg));
    const name = ring.class_names[ring.classes[frame]] ?? ring.classes[frame];
    return `${ring.label}\n${number(scene.angles_deg[frame])}°: ${name}, ${ring.probability[frame].toFixed(2)}`;
  }
}
