// One clock drives every player of a group, so that they show the same instant. It lives on window because each
// component has a module of its own. Positions run from 0 to 1 over a whole turn, whatever the number of frames.

class Clock {
  constructor(turn, turn_s) {
    Object.assign(this, { turn, turn_s, playing: false, speed: 1, loop: true, fps: 0, scrubbing: false });
    this.listeners = new Set();
    this.tick = this.tick.bind(this);
  }

  subscribe(listener) {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
      if (!this.listeners.size) this.stop();
    };
  }

  // `settled` is true when a hand or a key has come to rest: only then is the server told.
  notify(settled) {
    for (const listener of this.listeners) listener(settled);
  }

  set(turn, settled = false) {
    this.turn = Math.min(Math.max(turn, 0), 1);
    this.notify(settled);
  }

  play() {
    if (this.playing) return;
    if (!this.loop && this.turn > 0.98) this.turn = 0;
    this.playing = true;
    this.last = undefined;
    this.stamps = [];
    this.request = requestAnimationFrame(this.tick);
    this.notify(false);
  }

  stop() {
    this.playing = false;
    cancelAnimationFrame(this.request);
  }

  pause() {
    if (!this.playing) return;
    this.stop();
    this.notify(true);
  }

  tick(now) {
    if (!this.playing) return;
    const passed_s = this.last === undefined ? 0 : Math.min((now - this.last) / 1000, 0.25);
    this.last = now;
    this.measure(now);
    if (!this.scrubbing) {
      this.turn += (passed_s * this.speed) / this.turn_s;
      if (this.turn >= 1 && !this.loop) {
        this.turn = 1;
        return this.pause();
      }
      this.turn %= 1;
    }
    this.request = requestAnimationFrame(this.tick);
    this.notify(false);
  }

  measure(now) {
    this.stamps.push(now);
    while (now - this.stamps[0] > 1000) this.stamps.shift();
    const span_s = (now - this.stamps[0]) / 1000;
    if (span_s > 0.2) this.fps = (this.stamps.length - 1) / span_s;
  }
}

function clockOf(group, turn, turn_s) {
  if (!group) return new Clock(turn, turn_s);
  const clocks = (window.e2vizClocks ??= new Map());
  if (!clocks.has(group) || !clocks.get(group).listeners.size) clocks.set(group, new Clock(turn, turn_s));
  return clocks.get(group);
}
