"""`zoo app` as it is started, asked over the network, used in a browser and ended."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner
from PIL import Image
from zoo_cli.commands.app import command
from zoo_cli.commands.generate import command as generate_command

import zoo
from zoo.app import server
from zoo.app.settings import HOST, flags
from zoo.errors import UsageError, ZooError
from zoo.runs import Run

pytest.importorskip("streamlit", reason="the app needs streamlit")
SMALL = {
    "image_size": 32,
    "device": "cpu",
    "steps": 4,
    "eval": False,
    "options": {"width": 4, "latent_dim": 8, "batch_size": 4},
}
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
EVIL = "![x](http://example.org/x.png)<img src='http://example.org/y.png'>"


def free_port():
    with socket.socket() as found:
        found.bind((HOST, 0))
        return found.getsockname()[1]


def answers(host, port):
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True


# What is told before anything starts


@pytest.fixture
def empty(tmp_path):
    run = Run.create(tmp_path / "runs", "dcgan", "bbbc")
    run.write_recipe({"generator": "dcgan"})
    return run


def test_a_run_that_is_not_there_is_told_before_anything_starts(empty, monkeypatch):
    monkeypatch.setattr(server.subprocess, "Popen", None)
    result = CliRunner().invoke(command, ["7", "--runs", str(empty.path.parent)])
    assert isinstance(result.exception, UsageError)
    assert "no run '7'" in str(result.exception)


def test_without_streamlit_the_line_that_installs_it_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(server, "NEEDED", "streamlit>=999")
    with pytest.raises(ZooError, match=r"needs streamlit>=999: pip install 'zoo\[app\]'$"):
        server.serving(tmp_path, port=free_port()).__enter__()


def test_a_port_that_is_taken_is_named_with_what_to_type_instead(tmp_path):
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"port {port} is taken; type `zoo app --port \d+`"):
            server.serving(tmp_path, port=port).__enter__()


def test_the_settings_are_those_of_a_page_for_this_machine_alone():
    told = flags(8501)
    for setting in (
        "--server.address=127.0.0.1",
        "--server.enableXsrfProtection=True",
        "--server.enableCORS=True",
        "--browser.gatherUsageStats=False",
        "--server.fileWatcherType=none",
        "--server.maxUploadSize=20",
        "--client.showErrorDetails=none",
    ):
        assert setting in told


def test_where_a_page_of_another_site_comes_from_is_asked_of_nobody(monkeypatch):
    from streamlit import net_util
    from streamlit.web import cli

    from zoo.app import __main__ as child

    monkeypatch.setattr(net_util, "get_external_ip", None)
    monkeypatch.setattr(cli, "main", lambda *arguments, **names: None)
    monkeypatch.setattr(child, "_end_with_parent", lambda: None)
    child.main("8501", "runs")
    assert net_util.get_external_ip() is None


# A server


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("app") / "runs"
    other = Run.create(folder, "dcgan", "other")
    other.write_recipe({"generator": "dcgan", "data": EVIL})
    other.update_manifest(status="failed", reason=EVIL, dataset={"name": EVIL})
    return zoo.run("dcgan", "bbbc/simulated", out=str(folder), **SMALL)


def start(parent, port):
    line = [sys.executable, "-m", "zoo_cli.main", "app", "--runs", str(parent)]
    line += ["--no-browser", "--port", str(port)]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout.readline() == f"http://{HOST}:{port}\n"
    return process


def wait_until_closed(port):
    end = time.monotonic() + 20
    while answers(HOST, port) and time.monotonic() < end:
        time.sleep(0.1)
    return not answers(HOST, port)


@pytest.fixture(scope="module")
def port(run):
    """Of a server that is ended by Ctrl-C, with status 0."""
    port = free_port()
    process = start(run.path.parent, port)
    yield port
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to parent and child
    assert process.wait(30) == 0
    assert wait_until_closed(port)


def asked(port, method, path, **headers):
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    connection.request(method, path, headers=headers)
    return connection.getresponse().status


def test_nobody_but_this_machines_own_address_is_answered(port):
    assert answers(HOST, port)
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)}
    assert not any(answers(other, port) for other in (others | {"127.0.0.2"}) - {HOST, "::1"})


def test_a_file_without_the_pages_token_is_refused(port):
    assert asked(port, "PUT", "/_stcore/upload_file/session/file") == 403


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 101),
        ({"Origin": "http://example.org"}, 403),
        ({"Host": "example.org"}, 403),
    ],
)
def test_pages_of_other_sites_cannot_talk_to_the_app(port, headers, status):
    assert asked(port, "GET", "/_stcore/stream", **UPGRADE, **headers) == status


def test_however_the_command_ends_its_server_ends(run):
    port = free_port()
    process = start(run.path.parent, port)
    process.kill()
    process.wait()
    assert wait_until_closed(port)


# A person in a browser


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if BROWSER is None:
        pytest.skip("needs chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=BROWSER)
        yield browser
        browser.close()


@pytest.fixture
def tab(browser, port):
    """The page in a browser; a request to another machine, or an error in the page, fails."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, accept_downloads=True)
    context.set_default_timeout(90_000)
    tab, problems = context.new_page(), []
    ours = (f"http://{HOST}:{port}/", f"ws://{HOST}:{port}/", "data:", "blob:")
    tab.on("request", lambda r: None if r.url.startswith(ours) else problems.append(r.url))
    tab.on("websocket", lambda w: None if w.url.startswith(ours) else problems.append(w.url))
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.goto(f"http://{HOST}:{port}")
    yield tab
    assert problems == []
    context.close()


def choose_screen(tab, name):
    tab.get_by_role("radio", name=name).click()


def download(tab, button, folder):
    with tab.expect_download() as expected:
        tab.get_by_role("button", name=button, exact=True).click()
    path = folder / expected.value.suggested_filename
    expected.value.save_as(path)
    return path


def test_a_person_generates_images_and_keeps_one(run, tab, tmp_path):
    tab.get_by_role("heading", name="dcgan on bbbc/simulated").wait_for()
    tab.get_by_label("Seed", exact=True).fill("7")
    tab.get_by_label("Seed", exact=True).press("Enter")
    tab.get_by_text("-n 8 --seed 7").wait_for()
    tab.get_by_alt_text("Generated image 2 of seed 7").wait_for()
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    kept = download(tab, "Download 2", tmp_path)
    assert kept.name == f"{run.name}-seed7-00002.png"
    assert Image.open(kept).text["Synthetic"] == "true"
    out = str(tmp_path / "out")
    made = [str(run.path), "-n", "8", "--seed", "7", "--out", out]
    assert CliRunner().invoke(generate_command, made).exit_code == 0
    assert kept.read_bytes() == (tmp_path / "out" / "00002.png").read_bytes()


@pytest.mark.slow
def test_names_that_look_like_html_and_pictures_are_text(tab):
    tab.get_by_role("button", name="Open sidebar").or_(
        tab.get_by_test_id("stExpandSidebarButton")
    ).first.click()
    tab.get_by_label("Run", exact=True).click()
    tab.get_by_role("option", name="00000-dcgan-other").click()
    tab.get_by_role("heading", name=f"dcgan on {EVIL}").wait_for()
    assert tab.locator("img[src*='example.org']").count() == 0


@pytest.mark.slow
def test_a_person_walks_between_two_images(tab):
    choose_screen(tab, "Between images")
    tab.get_by_alt_text("Image 0 of 8 on the way from seed 0 to seed 1").wait_for()
    tab.get_by_role("slider", name="Place on the way").press("End")
    tab.get_by_alt_text("Image 8 of 8 on the way from seed 0 to seed 1").wait_for()
    tab.get_by_text("--interpolate 9 --to-seed 1").wait_for()


def test_a_person_makes_a_reader_study_and_reads_it(run, tab, tmp_path):
    choose_screen(tab, "Reader study")
    tab.get_by_label("Images of each kind", exact=True).fill("2")
    tab.get_by_label("Images of each kind", exact=True).press("Enter")
    tab.get_by_role("button", name="Make the study").click()
    tab.get_by_role("button", name="Go on to it").click()
    tab.get_by_label("A code of your choice", exact=True).fill("reader-a")
    tab.get_by_role("button", name="Start").click()
    said = tab.get_by_test_id("stBaseButton-primary").filter(has_text="Real", visible=True).last
    for number in range(1, 5):
        tab.get_by_alt_text(f"Image {number} of 4").wait_for()
        said.wait_for(state="hidden")  # the answer about the image before
        tab.keyboard.press("ArrowLeft")
        said.wait_for()
        tab.keyboard.press("3")
    tab.get_by_role("button", name="Finish").click()
    tab.get_by_text("Thank you.").wait_for()
    held = json.loads(download(tab, "Download your answers", tmp_path).read_text())
    assert [row["realism"] for row in held["answers"]] == [3] * 4
    tab.get_by_role("button", name="Score all").click()
    tab.get_by_text("Right answers").first.wait_for()
    assert run.turing_path.is_file()
