// The scene as it arrives: uint32 header length (little-endian), UTF-8 JSON header, raw uint8 pixels.

function unpack(data) {
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(0, true);
  const scene = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const pixels = bytes.subarray(4 + length);
  for (const name of Object.keys(scene.palettes)) scene.palettes[name] = colorTable(scene.palettes[name]);
  for (const panel of allPanels(scene)) {
    panel.size = panel.height * panel.width * panel.channels;
    panel.pixels = pixels.subarray(panel.offset, panel.offset + panel.size * panel.frames);
    panel.table = scene.palettes[panel.palette];
    if (panel.under !== null) {
      const size = panel.size * panel.frames * panel.under_channels;
      panel.under = pixels.subarray(panel.under, panel.under + size);
    }
  }
  scene.frames = scene.angles_deg.length;
  const step = scene.frames > 1 ? scene.angles_deg[1] - scene.angles_deg[0] : 0;
  scene.closed = Math.abs(Math.abs(step * scene.frames) - 360) < 0.01;
  return scene;
}

// 256 colours, base64 of R G B triples, as one word a colour: the order ImageData has on every machine we meet.
function colorTable(text) {
  const raw = atob(text);
  const table = new Uint32Array(256);
  for (let k = 0; k < 256; k++) {
    const [r, g, b] = [0, 1, 2].map((c) => raw.charCodeAt(3 * k + c));
    table[k] = (255 << 24) | (b << 16) | (g << 8) | r;
  }
  return table;
}

function allPanels(scene) {
  const heats = scene.charts.map((chart) => chart.heat).filter(Boolean);
  const panels = [...scene.rows.flatMap((row) => row.panels), ...heats];
  return scene.picture ? [scene.picture, ...panels] : panels;
}

// Frame nearest to a position of the clock; `turn` runs from 0 to 1 over the whole scene.
function frameAt(scene, turn) {
  if (scene.closed) return Math.round(turn * scene.frames) % scene.frames;
  return Math.round(turn * Math.max(scene.frames - 1, 0));
}

function turnOf(scene, frame) {
  if (scene.closed) return frame / scene.frames;
  return scene.frames > 1 ? frame / (scene.frames - 1) : 0;
}

function angleAt(scene, turn) {
  const first = scene.angles_deg[0];
  if (scene.closed) return first + 360 * turn * Math.sign(scene.angles_deg[1] - first);
  const position = turn * Math.max(scene.frames - 1, 0);
  const low = Math.floor(position);
  const high = Math.min(low + 1, scene.frames - 1);
  return scene.angles_deg[low] + (position - low) * (scene.angles_deg[high] - scene.angles_deg[low]);
}

// Position of the clock at which the scene shows this angle, or the nearest one it has.
function turnAtAngle(scene, angle_deg) {
  const first = scene.angles_deg[0];
  if (scene.closed) {
    const turned = ((angle_deg - first) * Math.sign(scene.angles_deg[1] - first)) / 360;
    return turned - Math.floor(turned);
  }
  let best = 0;
  let least = Infinity;
  scene.angles_deg.forEach((angle, frame) => {
    const away = Math.abs(((angle - angle_deg + 540) % 360) - 180);
    if (away < least) [best, least] = [frame, away];
  });
  return turnOf(scene, best);
}

// A map's colour over the picture, grey or in colour; render/draw.py mixes in the same shares.
const MAP_SHARE = 0.75;
function mixed(color, under, at, channels) {
  const mix = (step, k) => Math.round(MAP_SHARE * (step & 255) + (1 - MAP_SHARE) * under[at + (channels === 3 ? k : 0)]);
  return (255 << 24) | (mix(color >> 16, 2) << 16) | (mix(color >> 8, 1) << 8) | mix(color, 0);
}

function paintPixels(panel, frame, image) {
  const words = new Uint32Array(image.data.buffer);
  const start = panel.frames > 1 ? frame * panel.size : 0;
  const pixels = panel.pixels;
  if (panel.under) {
    const channels = panel.under_channels;
    for (let k = 0; k < words.length; k++)
      words[k] = mixed(panel.table[pixels[start + k]], panel.under, (start + k) * channels, channels);
  } else if (panel.channels === 1) {
    for (let k = 0; k < words.length; k++) words[k] = panel.table[pixels[start + k]];
  } else {
    for (let k = 0, at = start; k < words.length; k++, at += 3)
      words[k] = (255 << 24) | (pixels[at + 2] << 16) | (pixels[at + 1] << 8) | pixels[at];
  }
}
