// Play, scrub, speed, loop, and the keys.

const CONTROLS = `
  <button class="play" type="button" aria-label="Play"><svg viewBox="0 0 24 24" aria-hidden="true"><path d=""/></svg></button>
  <input class="scrub" type="range" min="0" step="1" aria-label="Angle">
  <output class="angle"></output>
  <select class="speed" aria-label="Speed">
    <option value="0.25">0.25×</option><option value="0.5">0.5×</option>
    <option value="1" selected>1×</option><option value="2">2×</option><option value="4">4×</option>
  </select>
  <button class="loop" type="button" aria-label="Loop" aria-pressed="true"><svg viewBox="0 0 24 24" aria-hidden="true">
    <path d="M7 7h10v3l4-4-4-4v3H5v6h2zm10 10H7v-3l-4 4 4 4v-3h12v-6h-2z"/></svg></button>`;
const PLAY = "M8 5v14l11-7z";
const PAUSE = "M6 5h4v14H6zm8 0h4v14h-4z";

class Controls {
  constructor(element, clock, scene) {
    Object.assign(this, { element, clock, scene });
    element.innerHTML = CONTROLS;
    const find = (name) => element.querySelector(name);
    [this.play, this.scrub, this.angle] = [find(".play"), find(".scrub"), find(".angle")];
    [this.speed, this.loop] = [find(".speed"), find(".loop")];
    this.scrub.max = scene.frames - 1;
    this.play.addEventListener("click", () => this.toggle());
    this.scrub.addEventListener("input", () => {
      clock.pause();
      clock.set(turnOf(scene, Number(this.scrub.value)));
    });
    this.scrub.addEventListener("change", () => clock.set(clock.turn, true));
    this.speed.addEventListener("change", () => {
      clock.speed = Number(this.speed.value);
    });
    this.loop.addEventListener("click", () => {
      clock.loop = !clock.loop;
      clock.notify(false);
    });
  }

  toggle() {
    if (this.clock.playing) this.clock.pause();
    else this.clock.play();
  }

  paint(frame, angle_deg) {
    const { clock } = this;
    if (Number(this.scrub.value) !== frame) this.scrub.value = frame;
    const text = `${Number((((angle_deg % 360) + 360) % 360).toFixed(1))}°`;
    if (this.angle.value !== text) {
      this.angle.value = text;
      this.scrub.setAttribute("aria-valuetext", text);
    }
    if (this.shownPlaying !== clock.playing) {
      this.shownPlaying = clock.playing;
      this.play.setAttribute("aria-label", clock.playing ? "Pause" : "Play");
      this.play.querySelector("path").setAttribute("d", clock.playing ? PAUSE : PLAY);
    }
    if (this.shownLoop !== clock.loop) {
      this.shownLoop = clock.loop;
      this.loop.setAttribute("aria-pressed", String(clock.loop));
    }
    if (Number(this.speed.value) !== clock.speed) this.speed.value = String(clock.speed);
  }

  // Arrow keys move by one frame, with shift by thirty degrees or a twelfth of the scene.
  key(event) {
    const { clock, scene } = this;
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.tagName === "SELECT") return;
    const frame = frameAt(scene, clock.turn);
    const stride = event.shiftKey ? Math.max(1, Math.round(scene.frames / 12)) : 1;
    const goal = { ArrowRight: frame + stride, ArrowUp: frame + stride, ArrowLeft: frame - stride,
      ArrowDown: frame - stride, Home: 0, End: scene.frames - 1 }[event.key];
    if (goal !== undefined) {
      event.preventDefault();
      clock.stop();
      const within = scene.closed ? (goal + scene.frames) % scene.frames : Math.min(Math.max(goal, 0), scene.frames - 1);
      clock.set(turnOf(scene, within));
      clearTimeout(this.rest);
      this.rest = setTimeout(() => clock.set(clock.turn, true), 350);
    } else if (event.key === " " && event.target.tagName !== "BUTTON") {
      event.preventDefault();
      this.toggle();
    }
  }
}

// With the focus on nothing, the first player of the page takes the keys: a presenter need not aim first.
function takeStrayKeys(player) {
  const players = (window.e2vizPlayers ??= new Set());
  const listener = (event) => {
    if (document.activeElement !== document.body || players.values().next().value !== player) return;
    if (["ArrowLeft", "ArrowRight", " "].includes(event.key)) player.controls.key(event);
    if (player.scene.options.presenter && /^[0-9]$/.test(event.key)) player.pointAt(event.key);
  };
  players.add(player);
  document.addEventListener("keydown", listener);
  return () => {
    players.delete(player);
    document.removeEventListener("keydown", listener);
  };
}
