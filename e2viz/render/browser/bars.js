// Class probabilities of one model at this angle. The bar's colour is the class; the rule above it is the model.

class BarChart {
  constructor(bars, scene, look) {
    Object.assign(this, { bars, scene, look });
    this.element = document.createElement("section");
    this.element.className = "bars";
    this.element.dataset.model = bars.color;
    this.element.innerHTML = `
      <header><span class="model"></span><span class="says"></span></header>
      <canvas role="img"></canvas>`;
    this.element.querySelector(".model").textContent = bars.label;
    this.says = this.element.querySelector(".says");
    this.canvas = this.element.querySelector("canvas");
    this.canvas.setAttribute("aria-label", `Class probabilities of ${bars.label} at this angle`);
    this.context = this.canvas.getContext("2d");
  }

  layout() {
    const ratio = window.devicePixelRatio || 1;
    const width = this.canvas.clientWidth;
    this.context.font = `600 ${this.look.size}px ${this.look.font}`;
    const widest = Math.max(...this.bars.class_names.map((name) => this.context.measureText(name).width));
    // Names that leave the bars too little room stand above them, each on a line of its own.
    const stacked = widest > width * 0.48;
    const line = Math.round(this.look.size * (width > 260 ? 1.7 : 1.5) * tightness(this.canvas));
    const pitch = stacked ? Math.round(this.look.size * 2.4) : line;
    const height = pitch * this.bars.class_names.length + 4;
    this.canvas.style.height = `${height}px`;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    Object.assign(this, { ratio, width, height, pitch, stacked, labelWidth: stacked ? 0 : widest + 8 });
    this.names = this.bars.class_names.map((name) => this.shortened(name, width));
    this.placeHead(widest, width);
  }

  // The answer beside the model's name where every class fits there, else below it: nothing moves while it turns.
  placeHead(widest, width) {
    const model = this.element.querySelector(".model");
    this.context.font = `500 ${this.look.size}px ${this.look.font}`;
    const beside = width - this.context.measureText(model.textContent).width - this.look.size;
    const below = 2 * widest > beside;
    this.element.classList.toggle("below", below);
    this.says.style.fontSize = `${below ? Math.min(Math.max(width / widest, 1), 2) : 2}em`;
  }

  shortened(name, width) {
    this.context.font = `600 ${this.look.size}px ${this.look.font}`;
    const fits = (text) => this.context.measureText(text).width <= width;
    if (fits(name)) return name;
    let kept = name.length - 1;
    while (kept > 1 && !fits(`${name.slice(0, kept).trimEnd()}…`)) kept -= 1;
    return `${name.slice(0, kept).trimEnd()}…`;
  }

  top(frame) {
    const probability = this.bars.probability[frame];
    const winner = probability.indexOf(Math.max(...probability));
    return { winner, name: this.bars.class_names[winner], probability: probability[winner] };
  }

  paint(frame) {
    if (!this.width) return;
    const c = this.context;
    const probability = this.bars.probability[frame];
    const { winner, name } = this.top(frame);
    if (this.says.textContent !== name) this.says.textContent = name;
    c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    c.clearRect(0, 0, this.width, this.height);
    c.textBaseline = "middle";
    const left = this.labelWidth;
    const room = this.width - left - this.look.size * 2.6;
    probability.forEach((p, k) => {
      const middle = 2 + (k + (this.stacked ? 0.8 : 0.5)) * this.pitch;
      const thick = Math.round(this.stacked ? this.look.size * 0.5 : this.pitch * 0.56);
      const color = this.scene.class_colors[k % this.scene.class_colors.length];
      c.fillStyle = this.look.faint;
      c.fillRect(left, middle - 0.5, room, 1);
      c.fillStyle = color;
      c.fillRect(left, middle - thick / 2, Math.max(p * room, 1), thick);
      c.fillStyle = this.look.text;
      c.font = `${k === winner ? "600 " : ""}${this.look.size}px ${this.look.font}`;
      c.globalAlpha = k === winner ? 1 : 0.7;
      c.textAlign = "right";
      if (!this.stacked) c.fillText(this.names[k], left - 8, middle);
      if (p >= 0.005) c.fillText(p.toFixed(2), this.width, middle);
      c.textAlign = "left";
      if (this.stacked) c.fillText(this.names[k], 0, middle - this.look.size * 1.1);
      c.globalAlpha = 1;
    });
  }

  describe(frame) {
    const { name, probability } = this.top(frame);
    return `${this.bars.label}: ${name}, ${probability.toFixed(2)}`;
  }
}

// How much of its usual height a chart takes; the stylesheet knows where room is short.
function tightness(element) {
  return Number(getComputedStyle(element).getPropertyValue("--tight")) || 1;
}
