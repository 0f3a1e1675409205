// A curve drawn by hand before it is measured: one point for each of some angles, by pointer or by keyboard.

const POINTS = 36;

export default function ({ data, parentElement, setStateValue }) {
  if (!parentElement.sketch) {
    const root = document.createElement("div");
    root.className = "sketch";
    root.innerHTML = `<p></p><canvas tabindex="0" role="application"></canvas>
      <small>Draw with the pointer; or left and right choose an angle, up and down move the curve there.</small>`;
    parentElement.append(root);
    const values = data.values?.length === POINTS ? [...data.values] : new Array(POINTS).fill(1);
    parentElement.sketch = { root, values, at: 0, touched: Boolean(data.values?.length) };
    listen(parentElement.sketch, (drawn) => setStateValue("drawn", drawn));
    new ResizeObserver(() => paint(parentElement.sketch)).observe(root);
  }
  const sketch = parentElement.sketch;
  Object.assign(sketch, { locked: data.locked, send: (drawn) => setStateValue("drawn", drawn) });
  sketch.root.querySelector("p").textContent = data.label;
  sketch.root.querySelector("canvas").setAttribute("aria-label", data.label);
  paint(sketch);
}

function listen(sketch) {
  const canvas = sketch.root.querySelector("canvas");
  const set = (event) => {
    const box = canvas.getBoundingClientRect();
    const at = Math.min(Math.max(Math.floor(((event.clientX - box.left) / box.width) * POINTS), 0), POINTS - 1);
    const value = Math.min(Math.max(1 - (event.clientY - box.top - 8) / (box.height - 30), 0), 1);
    const last = sketch.last ?? { at, value };
    for (let k = Math.min(last.at, at); k <= Math.max(last.at, at); k++) {
      const share = last.at === at ? 1 : (k - last.at) / (at - last.at);
      sketch.values[k] = last.value + share * (value - last.value);
    }
    sketch.last = { at, value };
    sketch.at = at;
    sketch.touched = true;
    paint(sketch);
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (sketch.locked) return;
    canvas.setPointerCapture(event.pointerId);
    sketch.last = null;
    sketch.held = true;
    set(event);
  });
  canvas.addEventListener("pointermove", (event) => sketch.held && set(event));
  canvas.addEventListener("pointerup", () => {
    if (sketch.held) sketch.send([...sketch.values]);
    sketch.held = false;
  });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowUp: 0.1, ArrowDown: -0.1 }[event.key];
    const side = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if ((step === undefined && side === undefined) || sketch.locked) return;
    event.preventDefault();
    if (side) sketch.at = (sketch.at + side + POINTS) % POINTS;
    else sketch.values[sketch.at] = Math.min(Math.max(sketch.values[sketch.at] + step, 0), 1);
    sketch.touched = true;
    paint(sketch);
    clearTimeout(sketch.rest);
    sketch.rest = setTimeout(() => sketch.send([...sketch.values]), 500);
  });
}

function paint(sketch) {
  const canvas = sketch.root.querySelector("canvas");
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (!width) return;
  [canvas.width, canvas.height] = [width * ratio, height * ratio];
  const c = canvas.getContext("2d");
  const style = getComputedStyle(sketch.root);
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.font = `12px ${style.fontFamily}`;
  c.fillStyle = c.strokeStyle = style.color;
  const y = (value) => 8 + (1 - value) * (height - 30);
  const x = (k) => ((k + 0.5) / POINTS) * width;
  c.globalAlpha = 0.25;
  for (const value of [0, 0.5, 1]) c.fillRect(0, y(value), width, 1);
  c.globalAlpha = 0.7;
  for (const angle of [0, 90, 180, 270]) c.fillText(`${angle}°`, (angle / 360) * width + 2, height - 4);
  c.globalAlpha = 1;
  c.strokeStyle = style.getPropertyValue("--st-primary-color") || "#0b7f7a";
  c.lineWidth = 2.5;
  c.setLineDash(sketch.touched ? [] : [4, 4]);
  c.beginPath();
  sketch.values.forEach((value, k) => (k ? c.lineTo(x(k), y(value)) : c.moveTo(x(k), y(value))));
  c.stroke();
  c.setLineDash([]);
  c.beginPath();
  c.arc(x(sketch.at), y(sketch.values[sketch.at]), 5, 0, 2 * Math.PI);
  c.stroke();
}
