"use strict";
const said = document.getElementById("said");

function written(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

async function copy(button) {
  const text = button.dataset.copy;
  let done = false;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch {
    done = written(text);
    button.focus();
  }
  said.textContent = done ? "Copied." : "The browser refused to copy.";
  button.classList.toggle("done", done);
  setTimeout(() => { said.textContent = ""; button.classList.remove("done"); }, 2000);
}

for (const row of document.querySelectorAll(".copy")) row.hidden = false;
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", () => copy(button));
}
for (const box of document.querySelectorAll(".scroll")) {
  if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
}
