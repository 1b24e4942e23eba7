"""The hub client against a server on the loopback that speaks as the hub does, and
fails in the ways that the hub and the net do."""

import configparser
import fcntl
import hashlib
import http.server
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from email.utils import formatdate
from pathlib import Path

import numpy as np
import pytest

from numpygpt import GPT2, Tokenizer
from numpygpt.files import download, hub, known
from numpygpt.files.known import DownloadError

TINY = Path(__file__).parents[1] / "reference" / "formats" / "model"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
BIG = "model.safetensors"


class Hub(http.server.ThreadingHTTPServer):
    """The hub: ``files`` by path; ``faults`` by path, each used once, in turn."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.faults, self.seen = {}, {}, []
        self.address = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=[0.01], daemon=True).start()

    def add(self, name, folder=TINY, **changes):
        for path in folder.iterdir():
            self.files[f"/{name}/{path.name}"] = path.read_bytes()
        for file, content in changes.items():
            self.files[f"/{name}/{file.replace('__', '.')}"] = content

    def asked(self, method, end=""):
        return [h for m, path, h in self.seen if m == method and path.endswith(end)]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        path = self.path.removeprefix("http://hub.invalid")  # as a proxy is asked
        self.server.seen.append((self.command, path, dict(self.headers)))
        faults = self.server.faults.get((self.command, path.rpartition("/")[2]), [])
        fault = faults.pop(0) if faults else {}
        if "code" in fault:
            return self.reply(fault["code"], b"", **fault.get("headers", {}))
        if path.startswith("/old/name/"):
            place = path.replace("/old/name/", "/someone/tiny/")
            return self.reply(307, b"", Location=place)
        cdn = path.startswith("/cdn")
        owner, name, _, revision, file = path.removeprefix("/cdn").split("/")[1:]
        content = self.server.files.get(f"/{owner}/{name}/{file}")
        if content is None or revision not in ("main", COMMIT):
            return self.reply(404, b"Entry not found")
        if not cdn and file.endswith(".safetensors"):
            return self.reply(302, b"", **{
                "Location": f"/cdn{path}",
                "X-Linked-Size": str(len(content)),
                "X-Linked-Etag": f'"{hashlib.sha256(content).hexdigest()}"',
                "X-Repo-Commit": COMMIT,
            } | fault.get("headers", {}))  # fmt: skip
        if cdn and self.command == "HEAD":
            return self.reply(403, b"signed for GET")
        git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        headers = {"ETag": "cdn" if cdn else f'W/"{git}"', "X-Repo-Commit": COMMIT}
        self.send(content, headers | fault.get("headers", {}), fault)

    def send(self, content, headers, fault):
        code, begin = 200, 0
        if "Range" in self.headers and not fault.get("no_range"):
            begin = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            code = 206
            headers["Content-Range"] = (
                f"bytes {begin}-{len(content) - 1}/{len(content)}"
            )
        body = fault.get("change", bytes)(content)[begin:]
        self.reply(code, body, cut=fault.get("cut"), **headers)

    def reply(self, code, body, cut=None, **headers):
        self.send_response(code)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[:cut])
        if cut is not None:
            self.close_connection = True


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A hub, an empty home, and no time lost in waiting: ``server.waits`` tells."""
    hub_server = Hub()
    hub_server.add("someone/tiny")
    hub_server.waits = []
    monkeypatch.setattr(download.time, "sleep", hub_server.waits.append)
    for name in [n for n in os.environ if n.startswith("HF_") or "proxy" in n.lower()]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HF_ENDPOINT", hub_server.address)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NUMPYGPT_HOME", str(tmp_path / "home"))
    yield hub_server
    hub_server.shutdown()
    hub_server.server_close()


def leftovers(folder):
    """Files that should not be there after all went well."""
    return [p.name for p in folder.iterdir() if p.suffix in (".part", ".new")]


def test_a_model_is_fetched_once(server):
    model = GPT2.from_pretrained("someone/tiny")
    ours = GPT2.from_pretrained(TINY)
    assert np.array_equal(model([1, 2, 3]), ours([1, 2, 3]))
    assert Tokenizer.from_pretrained("someone/tiny").encode("hello") == (
        Tokenizer.from_pretrained(TINY).encode("hello")
    )
    folder = hub.find("someone/tiny")
    assert folder == hub.home() / "someone" / "tiny"
    assert leftovers(folder) == []
    assert len(server.asked("GET", f"/cdn/someone/tiny/resolve/{COMMIT}/{BIG}")) == 1
    assert server.waits == []


def test_short_names_have_an_owner(server, monkeypatch):
    server.add("openai-community/gpt2")
    monkeypatch.setitem(known.KNOWN, "gpt2", {})
    assert hub.find("gpt2") == hub.home() / "gpt2"
    with pytest.raises(ValueError, match="gpt2-xl"):
        hub.find("gpt3")
    assert len(server.asked("GET", "gpt3")) == 0


def test_a_renamed_model_is_checked_as_any_other(server):
    """The redirect to its new name says nothing of the file; what it leads to does."""
    folder = hub.find("old/name")
    assert (folder / BIG).read_bytes() == (TINY / BIG).read_bytes()
    assert server.asked("GET", f"/cdn/someone/tiny/resolve/{COMMIT}/{BIG}")
    shutil.rmtree(folder)
    server.faults["GET", "merges.txt"] = [{}, {"change": flip}]
    with pytest.raises(DownloadError, match="not what it should be"):
        hub.find("old/name")


def test_sharded_models_are_fetched(server):
    content = json.dumps(
        {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    )
    index = f"/someone/tiny/{BIG}.index.json"
    server.files.pop(f"/someone/tiny/{BIG}")
    server.files[index] = content.encode()
    server.files["/someone/tiny/one.safetensors"] = b"1" * 3_000_000
    with pytest.raises(DownloadError, match="not all of its parts"):
        hub.find("someone/tiny")
    server.files["/someone/tiny/two.safetensors"] = b"2"
    folder = hub.find("someone/tiny")
    assert (folder / "one.safetensors").read_bytes() == b"1" * 3_000_000
    server.files[index] = content.replace("one", "../x").encode()
    shutil.rmtree(folder)
    with pytest.raises(DownloadError, match="plain name"):
        hub.find("someone/tiny")


@pytest.mark.parametrize("cut", [0, 1, 5000])
def test_a_broken_connection_goes_on_where_it_broke(server, cut):
    server.faults["GET", BIG] = [{}, {"cut": cut}] * 3
    folder = hub.find("someone/tiny")
    assert (folder / BIG).read_bytes() == (TINY / BIG).read_bytes()
    ranges = [h.get("Range") for h in server.asked("GET", BIG)]
    again = [f"bytes={have}-" for have in range(cut, 13_000, cut or 13_000)][:3]
    assert list(dict.fromkeys(r for r in ranges if r)) == (again if cut else [])
    assert len(server.waits) == (3 if cut < 5000 else 2)


def test_the_next_run_goes_on_where_the_last_one_broke(server):
    server.faults["GET", BIG] = [{}, {"cut": 7000}] + [{"code": 503}] * 99
    with pytest.raises(DownloadError, match="503"):
        hub.find("someone/tiny")
    folder = hub.home() / "someone" / "tiny"
    assert not (folder / "config.json").exists()
    assert [p.stat().st_size for p in folder.glob("*.part")] == [7000]
    server.faults.clear()
    server.seen.clear()
    assert (hub.find("someone/tiny") / BIG).read_bytes() == (TINY / BIG).read_bytes()
    assert {h.get("Range") for h in server.asked("GET", BIG)} == {"bytes=7000-"}
    assert leftovers(folder) == []


def test_a_server_without_ranges_sends_all_again(server):
    cut, whole = {"cut": 7000}, {"no_range": True}
    server.faults["GET", BIG] = [{}, cut, {}, whole]
    assert (hub.find("someone/tiny") / BIG).read_bytes() == (TINY / BIG).read_bytes()


def test_a_busy_server_is_given_the_time_it_wants(server):
    later = formatdate(time.time() + 100, usegmt=True)
    server.faults["HEAD", "config.json"] = [
        {"code": 429, "headers": {"Retry-After": "7"}},
        {"code": 503},
        {"code": 429, "headers": {"Retry-After": later}},
        {"code": 500, "headers": {"Retry-After": "soon"}},
    ]
    hub.find("someone/tiny")
    assert server.waits[:2] == [7, 2]
    assert 80 < server.waits[2] <= 100
    assert server.waits[3] == 8


def test_after_five_failures_in_a_row_it_gives_up(server):
    server.faults["HEAD", "config.json"] = [{"code": 503}] * 99
    with pytest.raises(DownloadError, match="503.*by hand"):
        hub.find("someone/tiny")
    assert server.waits == [1, 2, 4, 8]


def flip(content):
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize(
    "fault",
    [
        {"change": flip},
        {"change": lambda content: content + b"more"},
    ],
    ids=["wrong hash", "too long"],
)
def test_wrong_content_never_gets_its_name(server, fault):
    server.faults["GET", BIG] = [{}, fault]
    with pytest.raises(DownloadError, match="not what it should be"):
        hub.find("someone/tiny")
    folder = hub.home() / "someone" / "tiny"
    assert leftovers(folder) == ["config.json.new"]
    assert not (folder / BIG).exists()
    hub.find("someone/tiny")
    assert leftovers(folder) == []


def test_small_files_are_checked_by_gits_hash(server):
    server.faults["GET", "merges.txt"] = [{"change": flip}]
    with pytest.raises(DownloadError, match=r"merges.txt is not what it should be"):
        hub.find("someone/tiny")


def test_a_part_of_another_version_is_left_alone(server):
    folder = hub.home() / "someone" / "tiny"
    folder.mkdir(parents=True)
    (folder / f"{BIG}.{download.tag_of('0' * 64)}.part").write_bytes(b"x" * 7000)
    assert (hub.find("someone/tiny") / BIG).read_bytes() == (TINY / BIG).read_bytes()


def test_without_an_etag_an_old_part_is_not_trusted(server):
    """A mirror may know neither size nor hash; then a file is fetched in one go."""
    unknown = {"headers": {"X-Linked-Etag": ""}}
    server.faults["HEAD", BIG] = [unknown]
    folder = hub.home() / "someone" / "tiny"
    folder.mkdir(parents=True)
    (folder / f"{BIG}.untagged.part").write_bytes(b"x" * 7000)
    assert (hub.find("someone/tiny") / BIG).read_bytes() == (TINY / BIG).read_bytes()


@pytest.mark.parametrize("etag", ["", "a-tag-of-its-own"])
def test_a_finished_file_of_another_commit_is_not_the_beginning_of_ours(server, etag):
    """An earlier attempt may have finished this file, and the next commit came."""
    folder = hub.home() / "someone" / "tiny"
    folder.mkdir(parents=True)
    (folder / BIG).write_bytes(b"x" * 7000)
    server.faults["HEAD", BIG] = [{"headers": {"X-Linked-Etag": etag}}]
    assert (hub.find("someone/tiny") / BIG).read_bytes() == (TINY / BIG).read_bytes()
    assert {h.get("Range") for h in server.asked("GET", BIG)} == {None}


def test_of_two_versions_whose_etags_begin_alike_no_file_is_mixed(server):
    """Some servers' ETag is a file's number, its size and its time, in this order, and
    no hash would notice the mixture."""
    etags = ["0000abcd-00007000-5f1e2d3c", "0000abcd-00007000-5f1e2d3d"]
    folder = hub.home() / "someone" / "tiny"
    folder.mkdir(parents=True)
    part = folder / f"{BIG}.{download.tag_of(etags[0])}.part"
    part.write_bytes(b"x" * 7000)
    server.faults["HEAD", BIG] = [{"headers": {"X-Linked-Etag": etags[1]}}]
    assert (hub.find("someone/tiny") / BIG).read_bytes() == (TINY / BIG).read_bytes()
    assert part.exists()


@pytest.mark.parametrize("token", ["se\nret", "se\u00e9ret", "se ret"])
def test_a_damaged_token_is_named_and_not_shown(server, monkeypatch, token):
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(DownloadError, match="HF_TOKEN") as error:
        hub.find("someone/tiny")
    assert token not in str(error.value)
    monkeypatch.setenv("HF_TOKEN", "secret\n")  # as `cat` gives it
    hub.find("someone/tiny")
    assert server.asked("GET")[0]["Authorization"] == "Bearer secret"


def test_a_finished_file_is_not_fetched_again(server):
    folder = hub.home() / "someone" / "tiny"
    folder.mkdir(parents=True)
    shutil.copy(TINY / BIG, folder)
    hub.find("someone/tiny")
    assert server.asked("GET", BIG) == []


@pytest.mark.parametrize("is_tagged", [True, False])
@pytest.mark.parametrize("fault", [{"cut": 7000}, {"code": 416}, "all there"])
def test_a_server_that_tells_no_length(server, is_tagged, fault):
    """After a run that broke, the next may ask for what follows the end: 416."""
    file, content = "vocab.json", b"{" + b" " * 10_000 + b"}"
    server.files[f"/someone/tiny/{file}"] = content
    tag = hashlib.sha256(content).hexdigest() if is_tagged else ""
    unknown = {"headers": {"Content-Length": "", "ETag": tag}}
    server.faults["HEAD", file] = [unknown]
    server.faults["GET", file] = [{"code": 416} if fault == "all there" else fault]
    if fault == "all there":
        folder = hub.home() / "someone" / "tiny"
        folder.mkdir(parents=True)
        (folder / f"{file}.{download.tag_of(tag)}.part").write_bytes(content)
    assert (hub.find("someone/tiny") / file).read_bytes() == content
    whole = fault == "all there" and is_tagged
    assert len(server.waits) == (0 if whole else 1)
    assert len(server.asked("GET", file)) == (1 if whole else 2)


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("file", ["config.json", f"{BIG}.index.json", "vocab.json"])
def test_a_text_of_any_size_is_not_taken(server, monkeypatch, file, said):
    """What is read into memory is small, whatever an uploader makes of it."""
    monkeypatch.setattr(download, "MAX_SETTINGS", 50_000)
    monkeypatch.setattr(download, "MAX_TEXT", 50_000)
    if "index" in file:
        server.files.pop(f"/someone/tiny/{BIG}")
    server.files[f"/someone/tiny/{file}"] = b"{" + b" " * 3_000_000 + b"}"
    if not said:
        server.faults["HEAD", file] = [{"headers": {"Content-Length": ""}}]
    with pytest.raises(DownloadError, match=f"{file} is larger than 50000 bytes"):
        hub.find("someone/tiny")
    folder = hub.home() / "someone" / "tiny"
    assert not (folder / "config.json").exists()
    assert not [p for p in folder.iterdir() if p.stat().st_size > 1_200_000]


@pytest.mark.parametrize(
    "place",
    ["http://[::1", "http://a b/", "http://127.0.0.1:port/", "http://127.0.0.1:99999/",
     "http://\u00e9.invalid/\u00e9", f"http://{'a' * 70}.invalid/", "//[", ""],
)  # fmt: skip
def test_odd_places_are_refused(server, place):
    place = place.encode("utf-8").decode("latin-1")  # as a header can have it
    server.faults["GET", BIG] = [{"headers": {"Location": place}}] * 9
    with pytest.raises(DownloadError, match="someone/tiny"):
        hub.find("someone/tiny")
    assert server.waits == []


@pytest.mark.parametrize(
    ("header", "value"),
    [("X-Linked-Size", "9" * 5000), ("X-Linked-Size", "-1"), ("X-Linked-Size", "\u00b2"),
     ("X-Linked-Etag", "\"" + "x" * 9000), ("X-Repo-Commit", "../../x")],
)  # fmt: skip
def test_odd_headers_do_no_harm(server, header, value):
    server.faults["HEAD", BIG] = [{"headers": {header: value}}]
    assert (hub.find("someone/tiny") / BIG).read_bytes() == (TINY / BIG).read_bytes()


@pytest.mark.parametrize("after", ["9" * 5000, "Mon, 01 Jan 0001 00:00:00 +1400", "-1"])
def test_odd_times_to_wait(server, after):
    assert download.seconds(after) is None or 0 <= download.seconds(after) <= 300


def test_pinned_files_must_be_the_known_ones(server, monkeypatch):
    server.add("openai-community/gpt2")
    size = len(server.files[f"/openai-community/gpt2/{BIG}"])
    monkeypatch.setitem(known.KNOWN, "gpt2", {BIG: (size + 1, "0" * 64)})
    with pytest.raises(DownloadError, match=f"has {size + 1}"):
        hub.find("gpt2")
    monkeypatch.setitem(known.KNOWN, "gpt2", {BIG: (size, "0" * 64)})
    with pytest.raises(DownloadError, match="0{64} were promised"):
        hub.find("gpt2")
    sha256 = hashlib.sha256(server.files[f"/openai-community/gpt2/{BIG}"]).hexdigest()
    monkeypatch.setitem(known.KNOWN, "gpt2", {BIG: (size, sha256)})
    path = hub.find("gpt2") / BIG
    assert hub.find("gpt2") / BIG == path
    path.write_bytes(flip(path.read_bytes()))  # damaged later, at the same size
    with pytest.raises(DownloadError, match="is damaged"):
        hub.find("gpt2")
    path.write_bytes(b"a conversion of my own")
    assert hub.find("gpt2") == path.parent


def test_the_known_files_are_the_published_ones():
    merges = known.KNOWN["gpt2"]["merges.txt"]
    content = (hub.HERE / "files" / "merges.txt").read_bytes()
    assert merges == (len(content), hashlib.sha256(content).hexdigest())
    vocab = known.KNOWN["gpt2-xl"]["vocab.json"]
    # OpenAI's encoder.json as json.dumps writes our own table.
    content = json.dumps(Tokenizer.gpt2().vocab).encode()
    assert vocab == (len(content), hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("code", [401, 403])
def test_what_wants_a_token_says_so(server, code, monkeypatch):
    server.faults["HEAD", "config.json"] = [{"code": code}]
    with pytest.raises(DownloadError, match="HF_TOKEN"):
        hub.find("someone/tiny")


@pytest.mark.parametrize("code", [300, 400, 405, 410, 418, 451])
def test_any_other_answer_is_told(server, code):
    """Also one of a weight file, where the answer to HEAD was as it should be."""
    for command, file in ("HEAD", "config.json"), ("GET", BIG):
        server.faults[command, file] = [{"code": code}]
        with pytest.raises(DownloadError, match=f"{file}.*the server answers {code}"):
            hub.find("someone/tiny")
    assert hub.find("someone/tiny").is_dir()


def test_the_token_stays_with_the_hub(server, monkeypatch):
    other = Hub()
    other.add("someone/tiny")
    monkeypatch.setenv("HF_TOKEN", "secret")
    place = f"{other.address}/cdn/someone/tiny/resolve/main/{BIG}"
    server.faults["GET", BIG] = [{"headers": {"Location": place}}]
    hub.find("someone/tiny")
    assert {h.get("Authorization") for _, _, h in server.seen} == {"Bearer secret"}
    assert len(other.seen) == 1
    assert "Authorization" not in other.seen[0][2]
    other.shutdown()
    other.server_close()


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_redirects_elsewhere_are_refused(server, place):
    server.faults["GET", BIG] = [{"headers": {"Location": place}}]
    with pytest.raises(DownloadError, match="refused"):
        hub.find("someone/tiny")


def test_endless_redirects_end(server):
    place = {"headers": {"Location": f"/someone/tiny/resolve/main/{BIG}"}}
    server.faults["GET", BIG] = [place] * 99
    with pytest.raises(DownloadError, match="without end"):
        hub.find("someone/tiny")


def test_no_such_model(server):
    with pytest.raises(DownloadError, match="no such model"):
        hub.find("someone/nothing")
    server.add("someone/bert", config__json=b'{"model_type": "bert"}')
    with pytest.raises(DownloadError, match="'bert'"):
        hub.find("someone/bert")
    server.add("someone/broken", config__json=b"[" * 100_000)
    with pytest.raises(DownloadError, match="no GPT-2"):
        hub.find("someone/broken")
    server.add("someone/pickle")
    server.files.pop(f"/someone/pickle/{BIG}")
    with pytest.raises(DownloadError, match="convert_pytorch"):
        hub.find("someone/pickle")


@pytest.mark.parametrize(
    "name",
    ["../up", "a/../b", "/etc", "a/b/c", "a/b\n", "", ".", "a//b", "a/.b", "é/x"],
)
def test_names_that_are_none_never_reach_the_hub(server, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if name in (".", "/etc"):
        assert hub.find(name) == Path(name)
    else:
        with pytest.raises((ValueError, DownloadError)):
            hub.find(name)
    assert [path for _, path, _ in server.seen if ".." in path or "\n" in path] == []


def test_offline_and_without_a_network(server, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DownloadError, match="HF_HUB_OFFLINE.*merges.txt.*by hand"):
        hub.find("someone/tiny")
    assert server.seen == []
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(DownloadError, match="refused.*by hand"):
        hub.find("someone/tiny")
    monkeypatch.setenv("HF_ENDPOINT", "http://nowhere.invalid")
    with pytest.raises(DownloadError, match="by hand"):
        hub.find("someone/tiny")
    assert server.waits == []


def test_a_proxy_is_used(server, monkeypatch):
    monkeypatch.setenv("http_proxy", server.address)
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    hub.find("someone/tiny")
    assert len(server.asked("GET", BIG)) == 2


def test_a_full_disk_leaves_nothing(server, monkeypatch):
    free = shutil.disk_usage("/")._replace(free=1000)
    with monkeypatch.context() as patch:
        patch.setattr(download.shutil, "disk_usage", lambda _: free)
        with pytest.raises(DownloadError, match="NUMPYGPT_HOME"):
            hub.find("someone/tiny")
    assert not list((hub.home() / "someone" / "tiny").glob("*.part"))
    with monkeypatch.context() as patch:

        def full(answer, file, *_):
            file.write(answer.read(5000))
            raise OSError(28, "No space left on device")

        patch.setattr(download, "copy", full)
        with pytest.raises(DownloadError, match="no space left"):
            hub.find("someone/tiny")
    assert not list((hub.home() / "someone" / "tiny").glob("*.part"))
    hub.find("someone/tiny")


def test_without_a_second_thread_the_first_one_hashes(server, monkeypatch):
    def no_thread(_):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr("concurrent.futures.thread.threading.Thread.start", no_thread)
        answer = io.BytesIO(b"x" * 3_000_000)
        hasher, file = hashlib.sha256(), io.BytesIO()
        found = {"file": "x", "size": 3_000_000}
        assert download.copy(answer, file, hasher, found, 0, None) == 3_000_000
    assert hasher.hexdigest() == hashlib.sha256(b"x" * 3_000_000).hexdigest()


def test_two_processes_fetch_once(server, tmp_path):
    """The second waits for the lock and then finds the folder whole."""
    folder = hub.home() / "someone" / "tiny"
    folder.mkdir(parents=True)
    code = "from numpygpt.files import hub; print(hub.find('someone/tiny'))"
    with open(folder / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [sys.executable, "-c", code]
        runs = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
        time.sleep(0.5)
    for run in runs:
        assert run.communicate(timeout=60)[0].decode().strip() == str(folder)
    assert len(server.asked("GET", f"/cdn/someone/tiny/resolve/{COMMIT}/{BIG}")) == 1


def hugging_face_cache(root, name="someone/tiny"):
    """What huggingface_hub makes: blobs, and links to them under the commit."""
    base = root / f"models--{name.replace('/', '--')}"
    snapshot = base / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (base / "blobs").mkdir()
    (base / "refs").mkdir()
    (base / "refs" / "main").write_text(COMMIT)
    for path in TINY.iterdir():
        shutil.copy(path, base / "blobs" / path.name)
        (snapshot / path.name).symlink_to(f"../../blobs/{path.name}")
    return snapshot


@pytest.mark.parametrize(
    ("variable", "below"), [("HF_HOME", "hub"), ("HF_HUB_CACHE", ""), (None, None)]
)
def test_the_hugging_face_cache_is_used_as_it_is(
    server, tmp_path, monkeypatch, variable, below
):
    root = tmp_path / "cache" / "huggingface" / "hub"
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / "hf"))
        root = tmp_path / "hf" / below
    snapshot = hugging_face_cache(root)
    assert hub.find("someone/tiny") == snapshot
    assert GPT2.from_pretrained("someone/tiny").config.n_embd == 6
    assert server.seen == []
    (snapshot / BIG).unlink()  # not whole: fetched
    assert hub.find("someone/tiny") == hub.home() / "someone" / "tiny"


def test_a_damaged_file_in_the_cache_is_refused(server, tmp_path, monkeypatch):
    """A known model's file of the published size must have the published hash."""
    root = tmp_path / "cache" / "huggingface" / "hub"
    snapshot = hugging_face_cache(root, "openai-community/gpt2")
    size = (snapshot / BIG).stat().st_size
    monkeypatch.setitem(known.KNOWN, "gpt2", {BIG: (size, "0" * 64)})
    monkeypatch.setattr(hub, "model_shelves", lambda: [])
    with pytest.raises(DownloadError, match="is damaged"):
        hub.find("gpt2")


def test_a_wheel_carries_the_models_where_they_are_looked_for():
    """setup.cfg says what a wheel calls the folder weights/."""
    setup = configparser.ConfigParser()
    setup.read(hub.HERE.parent / "setup.cfg")
    package = setup["options"]["package_dir"].split("=")[0].strip()
    assert hub.HERE.parent / package.replace(".", "/") in hub.model_shelves()


def test_a_link_out_of_the_cache_is_not_followed(server, tmp_path):
    snapshot = hugging_face_cache(tmp_path / "cache" / "huggingface" / "hub")
    (snapshot / BIG).unlink()
    shutil.copy(TINY / BIG, tmp_path / "elsewhere")
    (snapshot / BIG).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DownloadError, match="link that leaves the cache"):
        hub.find("someone/tiny")


def test_progress_is_for_terminals(capsys, monkeypatch):
    download.progress("x", 0, 100)(50, end="\n")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    show = download.progress("x", 0, 200_000_000)
    time.sleep(0.11)
    show(50_000_000)
    show(200_000_000, end="\n")
    err = capsys.readouterr().err
    assert "x  50 of 200 MB" in err
    assert err.endswith("0:00 left\n")


def test_importing_the_package_needs_no_network_modules():
    code = "import sys, numpygpt; print('urllib.request' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True
    )
    assert answer.stdout.strip() == b"False"


def test_a_silent_server_is_given_up(tmp_path, monkeypatch, capsys):
    """It takes the call and says nothing. That it is tried is said before the wait."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("HF_ENDPOINT", address)
        monkeypatch.setenv("NUMPYGPT_HOME", str(tmp_path))
        monkeypatch.setattr(download, "TIMEOUT", 0.1)
        monkeypatch.setattr(download.time, "sleep", lambda seconds: None)
        with pytest.raises(OSError, match="timed out"):
            hub.find("gpt2")
    said = capsys.readouterr().err
    assert said.startswith(f"[fetching gpt2 from {address}/openai-community/gpt2]\n")
    assert said.count("trying again") == download.TRIES - 1


class Clock:
    """Time that passes when somebody waits."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.mark.parametrize("seconds", [15, 20, 30, 45, 59])
def test_the_time_a_silent_server_is_given(monkeypatch, seconds):
    """Under a minute, also where an attempt takes longer than `TIMEOUT`: a name with
    several addresses, each tried in turn."""
    clock = Clock()
    monkeypatch.setattr(download, "time", clock)
    assert download.TIMEOUT == 15

    def silent():
        clock.sleep(seconds)
        raise TimeoutError("timed out")

    with pytest.raises(TimeoutError):
        download.retrying(silent)
    assert clock.now - 1000 < 60
    assert clock.now - 1000 > 40 or seconds > 20


def test_a_server_that_falls_silent_and_goes_on_is_not_given_up(monkeypatch, tmp_path):
    """What has come counts, not how long it took."""
    clock, part = Clock(), tmp_path / "part"
    monkeypatch.setattr(download, "time", clock)

    def slow():
        n = part.stat().st_size if part.exists() else 0
        clock.sleep(600 + download.TIMEOUT)
        part.write_bytes(bytes(n + 1))
        if n < 20:
            raise TimeoutError("timed out")
        return n

    assert download.retrying(slow, part) == 20


@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("x.gguf", "convert_gguf.py x.gguf FOLDER"),
        ("pytorch_model.bin", "convert_pytorch.py"),
        ("x.PT", "convert_pytorch.py"),
        ("model.ckpt.index", "convert_tensorflow.py"),
        ("x.safetensors", "give its folder"),
    ],
)
def test_a_file_for_a_folder_names_the_converter(tmp_path, monkeypatch, name, script):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(b"GGUF")
    with pytest.raises(ValueError, match=re.escape(script)):
        hub.find(name)


def test_a_servers_reason_cannot_command_the_terminal(capsys):
    """Control characters from elsewhere are spelled out."""
    from numpygpt.files.terminal import say, shown

    text = "a\x1b]52;c;YQ==\x07\x9b2Jb\rc\u202ed\te\nf"
    assert shown(text) == "a\\x1b]52;c;YQ==\\x07\\x9b2Jb\\rc\\u202ed\te\nf"
    say(text)
    assert capsys.readouterr().err == shown(text) + "\n"


def test_what_every_request_says(server):
    """Who asks, and that nothing is to be packed: sizes and hashes are of the file."""
    GPT2.from_pretrained("someone/tiny")
    assert {h["User-Agent"] for _, _, h in server.seen} == {"numpygpt"}
    assert {h["Accept-Encoding"] for _, _, h in server.seen} == {"identity"}
    assert not any("Range" in h for _, _, h in server.seen)
