// Words and figure point at each other: a link such as #chart:0 in the words marks that part of the player, and the
// part under the pointer marks its words. Both speak through events of the window, so that neither knows the other.

const LINK = 'a[href^="#"]';

export default function ({ data }) {
  const place = (link) => data.places[decodeURIComponent(link.getAttribute("href").slice(1))];
  const links = () => [...document.querySelectorAll(LINK)].filter(place);
  const tell = (name) => window.dispatchEvent(new CustomEvent("e2viz:point", { detail: name }));
  let held = "";
  const linkOf = (event) => {
    const link = event.target.closest?.(LINK);
    return link && place(link) ? link : null;
  };
  const listeners = {
    pointerover: (event) => linkOf(event) && tell(place(linkOf(event))),
    pointerout: (event) => linkOf(event) && tell(held),
    focusin: (event) => linkOf(event) && tell(place(linkOf(event))),
    focusout: (event) => linkOf(event) && tell(held),
    click: (event) => {
      const link = linkOf(event);
      if (!link) return;
      event.preventDefault();
      held = held === place(link) ? "" : place(link);
      tell(held);
    },
  };
  for (const [name, listener] of Object.entries(listeners)) document.addEventListener(name, listener, true);
  // The part under the pointer, or with the focus, and what it lies in.
  const pointed = ({ detail }) => {
    for (const link of links()) link.classList.toggle("pointed-at", detail.includes(place(link)));
  };
  window.addEventListener("e2viz:pointed", pointed);
  return () => {
    for (const [name, listener] of Object.entries(listeners)) document.removeEventListener(name, listener, true);
    window.removeEventListener("e2viz:pointed", pointed);
  };
}
