// A file that is dropped anywhere on the app goes to the sidebar's "Open a file made here"; a place that takes files
// itself keeps those that are dropped on it.

const UPLOADER = ".st-key-restore input[type=file]";
const TAKES_FILES = '[data-testid="stFileUploader"], [data-testid="stFileUploaderDropzone"], input[type=file]';

export default function ({ parentElement }) {
  const root = document.createElement("div");
  root.className = "drop";
  root.hidden = true;
  root.textContent = "Drop a file made by e2viz to open its view";
  parentElement.append(root);
  let leaving = 0;
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  const elsewhere = (event) => event.composedPath().some((each) => each.matches?.(TAKES_FILES));
  const over = (event) => {
    if (!holdsFiles(event)) return;
    clearTimeout(leaving);
    leaving = setTimeout(() => (root.hidden = true), 250);
    root.hidden = elsewhere(event);
    if (!root.hidden) event.preventDefault();
  };
  const drop = (event) => {
    root.hidden = true;
    const uploader = document.querySelector(UPLOADER);
    if (!holdsFiles(event) || elsewhere(event) || !uploader) return;
    event.preventDefault();
    event.stopPropagation();
    const file = new DataTransfer();
    file.items.add(event.dataTransfer.files[0]);
    uploader.files = file.files;
    uploader.dispatchEvent(new Event("change", { bubbles: true }));
  };
  document.addEventListener("dragover", over, true);
  document.addEventListener("drop", drop, true);
  return () => {
    clearTimeout(leaving);
    document.removeEventListener("dragover", over, true);
    document.removeEventListener("drop", drop, true);
    root.remove();
  };
}
