// The turning picture with one stability ring a model. 0° is at the top and angles run counter-clockwise. The same
// geometry as e2viz/render/ring.py, so that an exported file looks like the page.

const RADIANS = Math.PI / 180;
// What the rings may take of the dial, however many there are.
const MOST_OF_RADIUS = 0.66;

class Dial {
  constructor(canvas, scene, look) {
    Object.assign(this, { canvas, scene, look });
    this.context = canvas.getContext("2d");
    this.ringLayer = document.createElement("canvas");
    if (scene.picture) {
      this.picture = document.createElement("canvas");
      this.picture.width = scene.picture.width;
      this.picture.height = scene.picture.height;
      this.image = new ImageData(scene.picture.width, scene.picture.height);
      this.shown = -1;
    }
  }

  layout() {
    const size = this.canvas.clientWidth;
    if (!size) return;
    const ratio = window.devicePixelRatio || 1;
    for (const layer of [this.canvas, this.ringLayer]) layer.width = layer.height = Math.round(size * ratio);
    const type = Math.min(this.look.size * 0.8, 15);
    const outer = size / 2 - 8 - 2.35 * type;
    const count = this.scene.rings.length;
    let thick = outer * (count <= 2 ? 0.095 : 0.075);
    let pitch = thick + Math.max(outer * 0.035, 5);
    if (pitch * count > MOST_OF_RADIUS * outer) {
      pitch = (MOST_OF_RADIUS * outer) / count;
      thick = 0.7 * pitch;
    }
    this.rings = this.scene.rings.map((ring, k) => ({ ...ring, outer: outer - k * pitch, inner: outer - k * pitch - thick }));
    const innermost = this.rings.length ? this.rings.at(-1).inner - 8 : outer;
    Object.assign(this, { size, ratio, type, outer, inside: innermost });
    this.paintRings();
  }

  paintRings() {
    const c = this.ringLayer.getContext("2d");
    c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    c.clearRect(0, 0, this.size, this.size);
    c.translate(this.size / 2, this.size / 2);
    for (const ring of this.rings) this.paintRing(c, ring);
    c.globalAlpha = 1;
    c.fillStyle = c.strokeStyle = this.look.text;
    c.font = `${this.type}px ${this.look.font}`;
    c.textAlign = "center";
    c.textBaseline = "middle";
    for (let angle = 0; angle < 360; angle += 15) this.paintTick(c, angle);
  }

  paintTick(c, angle) {
    const [x, y] = this.point(angle, 1);
    const quarter = angle % 90 === 0;
    const end = this.outer + (quarter ? 8 : 5);
    c.globalAlpha = quarter ? 0.75 : 0.3;
    c.lineWidth = quarter ? 1.5 : 1;
    c.beginPath();
    c.moveTo(x * (this.outer + 3), y * (this.outer + 3));
    c.lineTo(x * end, y * end);
    c.stroke();
    if (!quarter) return;
    const away = end + this.type * (Math.abs(x) > 0.5 ? 1.3 : 0.8);
    c.fillText(`${angle}°`, x * away, y * away);
  }

  paintRing(c, ring) {
    const half = 180 / (this.scene.closed ? this.scene.frames : Math.max(this.scene.frames, 72));
    const middle = (ring.outer + ring.inner) / 2;
    const gap = half * RADIANS * middle > 2.5 ? 0.5 / middle : 0;
    c.lineWidth = ring.outer - ring.inner;
    this.scene.angles_deg.forEach((angle, frame) => {
      const from = -(angle + half + 90) * RADIANS + gap;
      const to = -(angle - half + 90) * RADIANS - gap;
      c.globalAlpha = ring.probability[frame];
      c.strokeStyle = this.scene.class_colors[ring.classes[frame] % this.scene.class_colors.length];
      c.beginPath();
      c.arc(0, 0, middle, from, to);
      c.stroke();
    });
    this.paintRuns(c, ring);
    c.globalAlpha = 1;
    c.lineWidth = 1.5;
    c.strokeStyle = this.look.model(ring.color);
    c.beginPath();
    c.arc(0, 0, ring.inner - 1.75, 0, 2 * Math.PI);
    c.stroke();
  }

  // What tells the classes apart without colour: a line at each flip, and a name in each run that has room.
  paintRuns(c, ring) {
    const { frames, closed, angles_deg } = this.scene;
    if (frames < 24 || !closed) return;
    const step = 360 / frames;
    const starts = ring.classes.map((_, k) => k).filter((k) => ring.classes[k] !== ring.classes[(k + frames - 1) % frames]);
    const middle = (ring.outer + ring.inner) / 2;
    c.globalAlpha = 1;
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.font = `500 ${Math.min(ring.outer - ring.inner - 1, 12)}px ${this.look.font}`;
    (starts.length ? starts : [0]).forEach((start, place, all) => {
      const length = starts.length ? ((all[(place + 1) % all.length] - start + frames - 1) % frames) + 1 : frames;
      const first = angles_deg[start] - step / 2;
      if (starts.length) {
        const [x, y] = this.point(first, 1);
        c.lineWidth = 1.5;
        c.strokeStyle = this.look.text;
        c.beginPath();
        c.moveTo(x * (ring.inner - 2), y * (ring.inner - 2));
        c.lineTo(x * (ring.outer + 2), y * (ring.outer + 2));
        c.stroke();
      }
      const name = ring.short_names[ring.classes[start]] ?? String(ring.classes[start]).slice(0, 2);
      const wide = c.measureText(name).width;
      const thick = ring.outer - ring.inner;
      if (thick < 10 || length * step * RADIANS * middle < wide + 8 || wide > thick + 2) return;
      const [x, y] = this.point(starts.length ? first + (step * length) / 2 : 45, middle);
      const share = ring.probability[(start + Math.floor(length / 2)) % frames];
      const color = this.scene.class_colors[ring.classes[start] % this.scene.class_colors.length];
      c.fillStyle = isDark(color, share, this.look.background) ? "#fff" : "#000";
      c.fillText(name, x, y);
    });
  }

  point(angle_deg, radius) {
    return [-Math.sin(angle_deg * RADIANS) * radius, -Math.cos(angle_deg * RADIANS) * radius];
  }

  paint(frame, angle_deg) {
    if (!this.size) return;
    const c = this.context;
    c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    c.clearRect(0, 0, this.size, this.size);
    if (this.picture) this.paintPicture(c, frame, angle_deg);
    c.drawImage(this.ringLayer, 0, 0, this.size, this.size);
    this.paintHandle(c, angle_deg);
  }

  paintPicture(c, frame, angle_deg) {
    if (this.shown !== frame && (this.shown < 0 || this.scene.picture.frames > 1)) {
      paintPixels(this.scene.picture, frame, this.image);
      this.picture.getContext("2d").putImageData(this.image, 0, 0);
      this.shown = frame;
    }
    // A picture sent once is turned here; one sent for each angle is turned by what lies between two of them.
    const still = this.scene.picture.frames > 1 ? this.scene.angles_deg[frame] : 0;
    c.save();
    c.translate(this.size / 2, this.size / 2);
    c.beginPath();
    c.arc(0, 0, this.inside, 0, 2 * Math.PI);
    c.clip();
    c.rotate(-(angle_deg - still) * RADIANS);
    c.imageSmoothingQuality = "high";
    c.drawImage(this.picture, -this.inside, -this.inside, 2 * this.inside, 2 * this.inside);
    c.restore();
  }

  paintHandle(c, angle_deg) {
    const middle = this.size / 2;
    const [x, y] = this.point(angle_deg, 1);
    const ends = [this.inside + 1, this.outer + 4];
    c.lineCap = "round";
    for (const [width, color] of [[6, this.look.background], [2.5, this.look.text]]) {
      c.lineWidth = width;
      c.strokeStyle = color;
      c.beginPath();
      c.moveTo(middle + x * ends[0], middle + y * ends[0]);
      c.lineTo(middle + x * ends[1], middle + y * ends[1]);
      c.stroke();
    }
    const knob = this.type * 0.78;
    const away = this.outer + 4 + knob;
    c.fillStyle = this.look.text;
    c.lineWidth = 3;
    c.strokeStyle = this.look.background;
    c.beginPath();
    c.arc(middle + x * away, middle + y * away, knob, 0, 2 * Math.PI);
    c.stroke();
    c.fill();
  }

  // Where a pointer is: its angle, its distance from the centre, and the ring under it.
  locate(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = event.clientX - box.left - box.width / 2;
    const y = event.clientY - box.top - box.height / 2;
    const radius = Math.hypot(x, y);
    const angle_deg = (Math.atan2(-x, -y) / RADIANS + 360) % 360;
    return { radius, angle_deg, ring: this.rings.find((ring) => radius <= ring.outer + 1 && radius >= ring.inner - 4) };
  }
}

// The dial follows the hand: the rings take it where it lands, the picture is turned by what the hand moves.
function turnByHand(dial, clock, scene, root) {
  const canvas = dial.canvas;
  let offset_deg = null;
  const holds = (place, touch) => {
    if (place.radius > dial.size / 2) return false;
    return !touch || place.radius > dial.inside * 0.6; // the middle stays free for scrolling with a finger
  };
  canvas.addEventListener("touchstart", (event) => {
    if (event.touches.length === 1 && holds(dial.locate(event.touches[0]), true)) event.preventDefault();
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    const place = dial.locate(event);
    if (event.button !== 0 || !holds(place, event.pointerType === "touch")) return;
    canvas.setPointerCapture(event.pointerId);
    canvas.focus({ preventScroll: true });
    clock.pause();
    clock.scrubbing = true;
    root.classList.add("turning");
    const now = angleAt(scene, clock.turn);
    const away = ((place.angle_deg - now + 540) % 360) - 180;
    offset_deg = place.radius < dial.inside || Math.abs(away) < 6 ? away : 0;
    if (!offset_deg) clock.set(turnAtAngle(scene, place.angle_deg));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (offset_deg !== null) clock.set(turnAtAngle(scene, dial.locate(event).angle_deg - offset_deg));
  });
  const release = () => {
    if (offset_deg === null) return;
    offset_deg = null;
    clock.scrubbing = false;
    root.classList.remove("turning");
    clock.set(turnOf(scene, frameAt(scene, clock.turn)), true);
  };
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) canvas.addEventListener(name, release);
}
