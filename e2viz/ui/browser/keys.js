// Next and previous by keyboard, for whoever stands in front of a class: a remote control sends Page Down and Page Up.

const KEYS = { PageDown: "next", n: "next", PageUp: "previous", p: "previous", Escape: "leave" };

export default function ({ setTriggerValue }) {
  const listener = (event) => {
    const typing = ["INPUT", "TEXTAREA", "SELECT"].includes(event.target.tagName) && event.target.type !== "range";
    if (typing || event.altKey || event.ctrlKey || event.metaKey || !KEYS[event.key]) return;
    event.preventDefault();
    setTriggerValue("go", KEYS[event.key]);
  };
  document.addEventListener("keydown", listener);
  return () => document.removeEventListener("keydown", listener);
}
