// Charts: axes, tracks, a key, and what runs along with the frames. The same geometry as e2viz/render/plots.py.

const DASHES = (dash) => (dash ? [dash, dash] : []);

class ChartView {
  constructor(chart, scene, look) {
    Object.assign(this, { chart, scene, look });
    this.element = document.createElement("figure");
    this.element.className = "plot";
    this.element.classList.toggle("square", chart.square);
    this.element.innerHTML = `<figcaption></figcaption><p class="key"></p><small class="up"></small>
      <canvas role="img"></canvas><small class="across"></small><small class="fact"></small>`;
    const find = (name) => this.element.querySelector(name);
    find("figcaption").textContent = chart.title;
    find(".up").textContent = chart.y.title;
    find(".across").textContent = chart.x.title;
    find(".fact").textContent = chart.caption;
    if (chart.heat && chart.scale) this.showScale(find(".across"));
    for (const track of chart.tracks.filter((each) => each.label)) {
      const item = document.createElement("span");
      item.dataset.model = track.color;
      item.className = track.line ? (track.dash ? "dashed" : "line") : "mark";
      item.textContent = track.label;
      find(".key").append(item);
    }
    this.canvas = find("canvas[role=img]");
    const names = chart.tracks.map((each) => each.label).filter(Boolean).join(", ");
    this.canvas.setAttribute("aria-label", [chart.title, chart.y.title, names].filter(Boolean).join(": "));
    this.context = this.canvas.getContext("2d");
    this.still = document.createElement("canvas");
  }

  showScale(place) {
    const { low, high, table, title } = this.chart.heat;
    const scale = document.createElement("span");
    scale.className = "scale";
    scale.innerHTML = `<i></i><b></b><canvas width="256" height="1"></canvas><b></b>`;
    const [left, right] = scale.querySelectorAll("b");
    scale.querySelector("i").textContent = title;
    [left.textContent, right.textContent] = [number(low), number(high)];
    const ramp = new ImageData(256, 1);
    new Uint32Array(ramp.data.buffer).set(table);
    scale.querySelector("canvas").getContext("2d").putImageData(ramp, 0, 0);
    place.after(scale);
  }

  layout() {
    const ratio = window.devicePixelRatio || 1;
    const width = this.canvas.clientWidth;
    if (!width) return;
    const size = this.look.size * 0.86;
    const c = this.still.getContext("2d");
    c.font = this.font(this.chart.y.mono, size);
    const names = Math.max(0, ...this.chart.y.ticks.map(([, name]) => c.measureText(name).width));
    const left = Math.min(names, width * 0.34) + 8;
    const plot = { left, top: 8, width: width - left - 10 };
    plot.height = this.chart.square ? plot.width : Math.round(this.chart.height * (this.look.size / 14) * tightness(this.canvas));
    const height = plot.height + 8 + size * 1.9;
    this.canvas.style.height = `${height}px`;
    for (const layer of [this.canvas, this.still]) {
      layer.width = Math.round(width * ratio);
      layer.height = Math.round(height * ratio);
    }
    Object.assign(this, { ratio, width, height, plot, size });
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, width, height);
    if (this.chart.heat) this.paintHeat(c);
    this.paintAxes(c);
    for (const track of this.chart.tracks) this.paintTrack(c, track);
    this.paintNames(c);
  }

  font(mono, size) {
    return `${size}px ${mono ? "'Fira Mono', monospace" : this.look.font}`;
  }

  share(axis, value) {
    if (axis.log) value = Math.log(Math.max(value, Math.min(axis.low, axis.high)));
    const [low, high] = axis.log ? [Math.log(axis.low), Math.log(axis.high)] : [axis.low, axis.high];
    return Math.min(Math.max((value - low) / (high - low), 0), 1);
  }

  at(x, y) {
    const { left, top, width, height } = this.plot;
    return [left + width * this.share(this.chart.x, x), top + height * (1 - this.share(this.chart.y, y))];
  }

  paintHeat(c) {
    const { heat } = this.chart;
    const small = document.createElement("canvas");
    [small.width, small.height] = [heat.width, heat.height];
    const image = new ImageData(heat.width, heat.height);
    paintPixels(heat, 0, image);
    small.getContext("2d").putImageData(image, 0, 0);
    c.imageSmoothingEnabled = false;
    c.drawImage(small, this.plot.left, this.plot.top, this.plot.width, this.plot.height);
  }

  paintAxes(c) {
    const { left, top, width, height } = this.plot;
    const { x, y } = this.chart;
    c.lineWidth = 1;
    c.textBaseline = "middle";
    c.textAlign = "right";
    c.font = this.font(y.mono, this.size);
    for (const [value, name] of y.ticks) {
      const [, up] = this.at(x.low, value);
      c.fillStyle = this.look.faint;
      if (!this.chart.heat) c.fillRect(left, Math.round(up), width, 1);
      c.fillStyle = this.look.text;
      c.globalAlpha = 0.7;
      c.fillText(name, left - 8, up, left - 8);
      c.globalAlpha = 1;
    }
    c.font = this.font(x.mono, this.size);
    c.textBaseline = "top";
    let reached = -Infinity;
    for (const [value, name] of x.ticks) {
      const [across] = this.at(value, y.low);
      c.fillStyle = this.look.faint;
      c.fillRect(Math.round(across), top + height, 1, 5);
      const half = c.measureText(name).width / 2;
      const end = across + half > this.width;
      if (across - half * (end ? 2 : 1) < reached + 6) continue;
      c.textAlign = end ? "right" : "center";
      c.fillStyle = this.look.text;
      c.globalAlpha = 0.7;
      c.fillText(name, end ? this.width : across, top + height + 8);
      c.globalAlpha = 1;
      reached = across + half;
    }
    c.strokeStyle = this.chart.heat ? "#fff" : this.look.text;
    c.globalAlpha = this.chart.heat ? 0.8 : 0.4;
    c.setLineDash([2, 2]);
    for (const value of this.chart.verticals) this.upright(c, value);
    c.setLineDash([]);
    c.globalAlpha = 1;
  }

  upright(c, value) {
    const [across] = this.at(value, this.chart.y.low);
    c.beginPath();
    c.moveTo(across, this.plot.top);
    c.lineTo(across, this.plot.top + this.plot.height);
    c.stroke();
  }

  paintTrack(c, track) {
    c.strokeStyle = c.fillStyle = this.look.model(track.color);
    c.lineJoin = "round";
    const points = track.x.map((x, k) => this.at(x, track.y[k]));
    if (track.low) {
      c.lineWidth = 1;
      track.x.forEach((x, k) => {
        c.beginPath();
        c.moveTo(...this.at(x, track.low[k]));
        c.lineTo(...this.at(x, track.high[k]));
        c.stroke();
      });
    }
    if (track.line) {
      c.lineWidth = track.thickness + 0.25;
      c.setLineDash(DASHES(track.dash));
      c.beginPath();
      points.forEach(([x, y], k) => (k ? c.lineTo(x, y) : c.moveTo(x, y)));
      c.stroke();
      c.setLineDash([]);
    }
    if (track.dots) for (const [x, y] of points) this.dot(c, x, y, 3.5, track.hollow);
  }

  dot(c, x, y, radius, hollow) {
    c.beginPath();
    c.arc(x, y, radius, 0, 2 * Math.PI);
    if (hollow) {
      c.lineWidth = 1.5;
      c.stroke();
    } else c.fill();
  }

  // Each name beside its point, where it covers no point, no other name and no edge.
  paintNames(c) {
    c.font = this.font(false, this.size);
    c.fillStyle = this.look.text;
    c.textAlign = "left";
    c.textBaseline = "top";
    const marks = this.chart.tracks.flatMap((track) =>
      track.names.map((name, k) => ({ name, point: this.at(track.x[k], track.y[k]) })));
    const taken = marks.map(({ point: [x, y] }) => [x - 5, y - 5, x + 5, y + 5]);
    const { left, top, width, height } = this.plot;
    marks.forEach(({ name, point: [x, y] }, own) => {
      if (!name) return;
      const wide = c.measureText(name).width;
      const tall = this.size * 1.1;
      const corners = [[x + 8, y - tall / 2], [x - 8 - wide, y - tall / 2], [x - wide / 2, y - 7 - tall],
        [x - wide / 2, y + 7], [x + 5, y - 5 - tall], [x - 5 - wide, y + 5]];
      const free = corners.find(([a, b]) => a >= left && b >= top && a + wide <= left + width && b + tall <= top + height &&
        !taken.some((box, k) => k !== own && a < box[2] && box[0] < a + wide && b < box[3] && box[1] < b + tall));
      if (!free) return;
      taken.push([free[0], free[1], free[0] + wide, free[1] + tall]);
      c.fillText(name, ...free);
    });
  }

  paint(frame) {
    if (!this.width) return;
    const c = this.context;
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.clearRect(0, 0, this.canvas.width, this.canvas.height);
    c.drawImage(this.still, 0, 0);
    c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    if (this.chart.cursor) {
      const lines = this.chart.heat ? [[3, "#000", 1], [1.5, "#fff", 1]] : [[1, this.look.text, 0.5]];
      for (const [width, color, alpha] of lines) {
        Object.assign(c, { lineWidth: width, strokeStyle: color, globalAlpha: alpha });
        this.upright(c, this.chart.cursor[frame]);
      }
      c.globalAlpha = 1;
    }
    for (const track of this.chart.tracks.filter((each) => each.follows)) {
      const [x, y] = this.at(track.x[frame], track.y[frame]);
      c.fillStyle = this.look.background;
      this.dot(c, x, y, 6, false);
      c.fillStyle = this.look.model(track.color);
      this.dot(c, x, y, 4.5, false);
    }
  }

  readHeat(px, py) {
    const { left, top, width, height } = this.plot;
    const { heat, x, y } = this.chart;
    const [across, down] = [(px - left) / width, (py - top) / height];
    if (across < 0 || across >= 1 || down < 0 || down >= 1) return "";
    const row = Math.floor(down * heat.height);
    const col = Math.floor(across * heat.width);
    const value = number(heat.low + (heat.pixels[row * heat.width + col] / 255) * (heat.high - heat.low));
    const name = y.ticks[Math.floor(down * y.ticks.length)]?.[1] ?? "";
    return `${name}, ${number(x.low + across * (x.high - x.low))}°\n${heat.title}: ${value}`;
  }

  // What the point nearest to the pointer stands for.
  read(event) {
    const box = this.canvas.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    if (this.chart.heat) return this.readHeat(px, py);
    let best = null;
    let least = 24;
    for (const track of this.chart.tracks)
      track.x.forEach((x, k) => {
        const [ax, ay] = this.at(x, track.y[k]);
        const away = Math.hypot(ax - px, ay - py);
        if (away < least) [best, least] = [{ track, k }, away];
      });
    if (!best) return "";
    const { track, k } = best;
    const across = this.chart.x.ticks.find(([value]) => value === track.x[k])?.[1] ?? number(track.x[k]);
    return [track.names[k] || track.label, `${across}: ${number(track.y[k])}`].filter(Boolean).join("\n");
  }
}
