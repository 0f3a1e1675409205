// A row of samples: radio buttons that are pictures.

export default function ({ data, parentElement, setStateValue }) {
  let root = parentElement.querySelector(".picker");
  if (!root) {
    root = document.createElement("div");
    root.className = "picker";
    root.setAttribute("role", "radiogroup");
    root.setAttribute("aria-label", "Sample");
    parentElement.append(root);
  }
  const choose = (name) => {
    setStateValue("sample", name);
    for (const button of root.children) {
      const on = button.dataset.name === name;
      button.setAttribute("aria-checked", String(on));
      button.tabIndex = on ? 0 : -1;
      if (on) button.focus();
    }
  };
  root.replaceChildren(
    ...data.items.map((item, k) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.name = item.name;
      button.setAttribute("role", "radio");
      button.setAttribute("aria-checked", String(item.name === data.chosen));
      button.setAttribute("aria-label", item.label);
      button.title = item.label;
      button.tabIndex = item.name === data.chosen || (!data.chosen && k === 0) ? 0 : -1;
      const image = document.createElement("img");
      image.alt = "";
      image.src = item.source;
      button.append(image);
      button.addEventListener("click", () => choose(item.name));
      return button;
    }),
  );
  root.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = [...root.children].indexOf(event.target);
    choose(data.items[(at + step + data.items.length) % data.items.length].name);
  };
}
