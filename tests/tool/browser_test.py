#!/usr/bin/env python3
"""The pages in a browser: a click on a flame graph makes a box as wide as the page, and nothing is wider than a narrow screen."""
import pathlib
import re
import shutil
import subprocess
import sys

from tool import basalt, check, compile_program, equal, main

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


def after(page, script, width):
    """What the page's body is after a script, which a browser runs when the page is there; and what it complained of."""
    probe = page.with_name("probe.html")
    probe.write_text(page.read_text().replace("</body>", f"<script>{script}</script></body>"))
    run = subprocess.run([BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", f"--window-size={width},900",
                          f"--user-data-dir={page.parent}/browser", "--virtual-time-budget=3000", "--dump-dom", probe.as_uri()],
                         capture_output=True, text=True, timeout=100)
    check("CONSOLE" not in run.stderr, f"what the browser says: {run.stderr}")
    return run.stdout[run.stdout.find("<body"):]


def pages(folder):
    trace, folder = pathlib.Path(folder) / "t", pathlib.Path(folder)
    basalt("record", "-q", "-o", trace, "--", compile_program(folder, "memory_habits"))
    report, replay = folder / "report.html", folder / "replay.html"
    basalt("report", "--html", report, trace)
    basalt("replay", "-r", 1, "-a", "basalt,hardened,glibc", "--html", replay, trace)
    return report, replay


def a_click_widens_a_box_and_another_leads_back(folder):
    report, _ = pages(folder)
    clicked = after(report, "const boxes = [...document.querySelectorAll('.flame div')], before = boxes.map(e => parseFloat(e.style.width));"
                    "const box = boxes.find(e => e.textContent.startsWith('forget_blocks')); box.click();"
                    "boxes[0].click();"
                    "document.body.dataset.again = boxes.every((e, i) => !e.hidden && Math.abs(parseFloat(e.style.width) - before[i]) < 1e-4);"
                    "box.click();", 1200)
    check('data-again="true"' in clicked[:100], "a click on the lowest leads back")
    box = re.search(r'<div style="left: 0%; width: 100%;[^>]*>forget_blocks', clicked)
    check(box, "the box is as wide as the page: " + clicked[:3000])
    check(re.search(r'<div style="left: 0%; width: 100%;[^>]* class="below"[^>]*>main ', clicked), "what it stands on stays")
    check(re.search(r'hidden=""[^>]*>hold_most', clicked), "what is beside it is hidden")
    check(re.search(r'class="picked"[^>]*>forget_blocks[^<]*\n[^<]*KiB, [0-9.]+ %', clicked), "its figures are told below")


def nothing_is_wider_than_the_screen(folder):
    for page in pages(folder):
        shown = after(page, "document.body.dataset.room = document.documentElement.clientWidth - document.documentElement.scrollWidth;"
                      "document.body.dataset.cut = [...document.querySelectorAll('.plot span, .bars em, .legend span')].filter(e => "
                      "e.getBoundingClientRect().right > innerWidth || e.getBoundingClientRect().left < 0).length;", 500)
        equal(re.findall(r'data-(room|cut)="(-?\d+)"', shown[:100]), [("room", "0"), ("cut", "0")], f"{page.name} on 500 pixels")


if BROWSER is None:
    print("not run here: there is no browser (chromium)")
    sys.exit(77)
main(a_click_widens_a_box_and_another_leads_back, nothing_is_wider_than_the_screen)
