// The value under the pointer: of a panel's pixel, or of a ring's segment.

class Tip {
  constructor(player, element) {
    Object.assign(this, { player, element });
    for (const view of player.views) this.follow(view.canvas, (event, frame) => this.panelText(view, event, frame));
    for (const plot of player.plots) this.follow(plot.canvas, (event) => plot.read(event));
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
