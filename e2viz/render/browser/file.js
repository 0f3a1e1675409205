// A file of its own: every player of the page is packed inside it, and nothing is asked of any server.

async function unpacked(element) {
  const raw = Uint8Array.from(atob(element.textContent.trim()), (sign) => sign.charCodeAt(0));
  const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

for (const element of document.querySelectorAll("script[type='application/x-e2viz-scene']")) {
  const place = document.getElementById(element.dataset.place);
  unpacked(element).then(
    (data) => {
      place.replaceChildren();
      show({ data, parentElement: place, setStateValue() {} });
    },
    (error) => place.append(`This browser cannot unpack the animation: ${error}`)
  );
}
