"""The hub client against a server on the loopback that speaks as the hub does, and
fails in the ways that the hub and the net do."""

import configparser
import errno
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
from types import SimpleNamespace

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


def test_a_whole_file_is_taken_rather_than_its_parts(server):
    content = json.dumps({"weight_map": {"a": "one.safetensors"}})
    server.files[f"/someone/tiny/{BIG}.index.json"] = content.encode()
    folder = hub.find("someone/tiny")
    assert (folder / BIG).read_bytes() == (TINY / BIG).read_bytes()
    assert not server.asked("GET", "index.json")


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
    [("X-Linked-Size", "9" * 5000), ("X-Linked-Size", "-1"),
     ("X-Linked-Size", "\u00b2"), ("X-Linked-Etag", "\"" + "x" * 9000),
     ("X-Repo-Commit", "../../x")],
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


# Rules and bounds, each by itself.


@pytest.mark.parametrize("value", ["1", "true", "YES", "on"])
def test_where_a_model_would_come_from(server, monkeypatch, value):
    """Nothing is fetched; what is said names the place to fetch it from by hand."""
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    for endpoint, where in (
        ("", "https://huggingface.co/someone/tiny"),
        ("https://mirror.invalid/hf/", "https://mirror.invalid/hf/someone/tiny"),
    ):
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        with pytest.raises(DownloadError, match=f"forbids.* from {where} into .*tiny"):
            hub.find("someone/tiny")
    monkeypatch.setenv("HF_ENDPOINT", "ftp://mirror.invalid")
    with pytest.raises(DownloadError, match="must be an http address, not 'ftp://mir"):
        hub.find("someone/tiny")
    monkeypatch.setenv("HF_ENDPOINT", server.address)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert hub.find("someone/tiny").is_dir()


def test_a_home_that_nobody_knows(server):
    with pytest.raises(DownloadError, match="set NUMPYGPT_HOME"):
        download.fetch("someone/tiny", Path("~", "x"))
    assert server.seen == [] and not Path("~").exists()


def test_every_file_that_a_model_may_have(server, monkeypatch):
    """Of one commit; or of the branch, where the server does not say which it is."""
    names = {"config.json", "merges.txt", "vocab.json", "tokenizer.json", BIG,
             "tokenizer_config.json", "generation_config.json"}  # fmt: skip
    for name in names - {"config.json", BIG}:
        server.files[f"/someone/tiny/{name}"] = b"of " + name.encode()
    server.files["/someone/tiny/config.json"] = b'{"n_embd": 6}'  # no model_type
    folder = hub.find("someone/tiny")
    assert {path.name for path in folder.iterdir()} == names | {".lock"}
    assert (
        folder / "generation_config.json"
    ).read_bytes() == b"of generation_config.json"
    paths = {path for _, path, _ in server.seen if "config.json" not in path}
    assert {path.split("/resolve/")[1].split("/")[0] for path in paths} == {COMMIT}
    shutil.rmtree(folder)
    server.seen.clear()
    server.faults["HEAD", "config.json"] = [{"headers": {"X-Repo-Commit": ""}}]
    hub.find("someone/tiny")
    paths = {path for _, path, _ in server.seen}
    assert {path.split("/resolve/")[1].split("/")[0] for path in paths} == {"main"}


def test_of_another_kind_of_model_nothing_stays(server):
    server.add("someone/bert", config__json=b'{"model_type": "bert"}')
    with pytest.raises(DownloadError, match="is no GPT-2; its model_type: 'bert'"):
        hub.find("someone/bert")
    assert [p.name for p in (hub.home() / "someone/bert").iterdir()] == [".lock"]


def test_the_room_that_a_model_needs(tmp_path, monkeypatch):
    """What is there already counts."""
    free = shutil.disk_usage("/")._replace(free=5_000_000)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: free)
    (tmp_path / "part").write_bytes(bytes(1_000_000))
    download.check_room(tmp_path, 6_000_000)
    with pytest.raises(DownloadError):
        download.check_room(tmp_path, 6_000_001)
    with pytest.raises(DownloadError, match="has 5 MB free, the model needs 8 MB more"):
        download.check_room(tmp_path, 9_000_000)


def test_what_the_hub_says_of_a_file(server):
    base = f"{server.address}/someone/tiny/resolve/main"
    for file in BIG, "merges.txt":
        content = (TINY / file).read_bytes()
        git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        etag = hashlib.sha256(content).hexdigest() if file == BIG else git
        assert download.ask(f"{base}/{file}") == {
            "url": f"{base}/{file}", "file": file, "size": len(content), "etag": etag,
            "commit": COMMIT,
        }  # fmt: skip
    assert download.ask(f"{base}/no.txt") is None
    server.faults["HEAD", "merges.txt"] = [
        {"headers": {"ETag": "", "Content-Length": "", "X-Repo-Commit": "../AB12c"}}
    ]
    found = download.ask(f"{base}/merges.txt")
    assert (found["size"], found["etag"], found["commit"]) == (None, "", "12c")


@pytest.mark.parametrize(
    ("header", "number"),
    [("0", 0), ("12", 12), ("9" * 15, 10**15 - 1), ("9" * 16, None), ("", None),
     (None, None), ("-1", None), ("\u00b2", None), ("1.5", None), (" 1", None)],
)  # fmt: skip
def test_numbers_in_headers(header, number):
    assert download.whole_number(header) == number


def test_which_hash_a_file_must_have():
    """A known one, else git's of a small file, else sha256; of other tags nothing."""
    found = {"url": "u", "size": 3}
    git, long = "a1" * 20, "b2" * 32
    for etag, known_as, name, promised in (
        (git, None, "sha1", git), (long, None, "sha256", long),
        ("x", None, "sha256", None), (git.upper(), None, "sha256", None),
        (long + "0", None, "sha256", None), (git, (3, "its own"), "sha256", "its own"),
    ):  # fmt: skip
        hasher, digest = download.new_hash({**found, "etag": etag}, known_as)
        assert (hasher.name, digest) == (name, promised)
    hasher, _ = download.new_hash({**found, "etag": git}, None)
    hasher.update(b"abc")
    assert hasher.hexdigest() == "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f"
    unknown = {**found, "etag": git, "size": None}
    assert download.new_hash(unknown, None)[1] is None
    assert download.new_hash(unknown, (3, "its own"))[1] == "its own"
    with pytest.raises(DownloadError, match="u has 3 bytes, but .* has 4"):
        download.new_hash({**found, "etag": git}, (4, "its own"))


@pytest.mark.parametrize(
    ("status", "content_range", "goes_on"),
    [(206, "bytes 5-9/10", True), (200, "bytes 5-9/10", False), (206, None, False),
     (206, "bytes 50-99/100", False), (206, "bytes 0-9/10", False)],
)  # fmt: skip
def test_whether_an_answer_goes_on(status, content_range, goes_on):
    answer = Answer(status, {"Content-Range": content_range} if content_range else {})
    assert download.from_byte(5, answer) is goes_on


class Answer:
    """A status with headers."""

    reason = "Why"

    def __init__(self, code, headers=None):
        self.code = self.status = code
        self.headers = headers or {}


def test_what_a_status_means():
    for code in 301, 302, 303, 307, 308:
        assert download.failed("u", Answer(code, {"Location": "there"})) == "there"
    for codes, kind, message in (
        (
            (300, 301, 304, 308, 400, 405, 410, 418, 499),
            DownloadError,
            "answers .* Why",
        ),
        ((416,), download.BeyondEndError, "u ends before the byte"),
        ((404,), FileNotFoundError, "u does not exist"),
        ((401, 403), DownloadError, "refused .*HF_TOKEN"),
        ((408, 429, 500, 503, 599), download.BusyError, "the server answers .* Why"),
    ):
        for code in codes:
            with pytest.raises(kind, match=message) as error:
                download.failed("u", Answer(code))
            assert str(code) in str(error.value) or code in (404, 416)
    busy = download.BusyError(Answer(503, {"Retry-After": "7"}))
    assert (busy.wait, download.BusyError(Answer(503)).wait) == ("7", "")


def test_the_time_that_a_server_asks_for(monkeypatch):
    """A number of seconds or a date, never more than five minutes."""
    monkeypatch.setattr(download.time, "time", lambda: 1_000_000_000.0)
    for said, wait in (
        ("0", 0), ("7", 7), ("300", 300), ("301", 300), ("9" * 30, 300), ("", None),
        ("soon", None), ("1.5", None), (formatdate(1_000_000_100, usegmt=True), 100),
        (formatdate(1_000_000_301, usegmt=True), 300),
        (formatdate(999_999_999, usegmt=True), 0),
    ):  # fmt: skip
        assert download.seconds(said) == wait


@pytest.mark.parametrize(("n", "is_followed"), [(4, True), (5, False)])
def test_the_most_redirects(server, n, is_followed):
    place = {"headers": {"Location": f"/someone/tiny/resolve/main/{BIG}"}}
    server.faults["GET", BIG] = [place] * (n - 1)
    url = f"{server.address}/someone/tiny/resolve/main/{BIG}"
    if is_followed:
        answer, _ = download.request(url, "GET")
        assert answer.read() == (TINY / BIG).read_bytes()
        answer.close()
    else:
        with pytest.raises(DownloadError, match="without end"):
            download.request(url, "GET")
    assert len(server.seen) == 5


def test_from_a_safe_place_to_an_unsafe_one(server):
    with pytest.raises(DownloadError, match="https://hub.invalid leads to .*refused"):
        download.ask_once(server.address, "GET", 0, "https://hub.invalid", {})
    assert server.seen == []
    safe = server.address.replace("http", "https")
    with pytest.raises(OSError) as error:  # it is tried; nobody there speaks TLS
        download.ask_once(safe, "GET", 0, server.address, {})
    assert not isinstance(error.value, DownloadError)


@pytest.mark.parametrize(("seconds", "end"), [(15, 48), (20, 41), (27, 55), (28, 28)])
def test_how_long_a_silent_server_is_asked(monkeypatch, seconds, end):
    """Until a try as long as the last one would end after 55 seconds; between tries are
    1, 2, 4 seconds."""
    clock = Clock()
    monkeypatch.setattr(download, "time", clock)

    def silent():
        clock.sleep(seconds)
        raise TimeoutError

    with pytest.raises(TimeoutError):
        download.retrying(silent)
    assert clock.now == 1000 + end


@pytest.mark.parametrize(("seconds", "end"), [(15, 73), (18.5, 80), (19, 60)])
def test_what_comes_begins_the_count_anew(monkeypatch, tmp_path, seconds, end):
    """Bytes came, then there were 15 silent seconds; 40 later there may be 40 more."""
    clock, part = Clock(), tmp_path / "part"
    monkeypatch.setattr(download, "time", clock)

    def silent():
        clock.sleep(seconds if part.exists() else 40)
        part.write_bytes(b"x")
        raise TimeoutError

    with pytest.raises(TimeoutError):
        download.retrying(silent, part)
    assert clock.now == 1000 + end


def test_five_tries_without_a_byte(monkeypatch, tmp_path):
    clock, part, tries = Clock(), tmp_path / "part", []
    monkeypatch.setattr(download, "time", clock)

    def broken():
        tries.append(clock.now - 1000)
        if len(tries) == 4:
            part.write_bytes(b"x")
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        download.retrying(broken, part)
    assert tries == [0, 1, 3, 7, 8, 10, 14, 22]
    tries.clear()
    for error in ConnectionRefusedError, ValueError:  # no try would help

        def hopeless(error=error):
            tries.append(error)
            raise error

        with pytest.raises(error):
            download.retrying(hopeless)
    assert tries == [ConnectionRefusedError, ValueError]


class SlowHash:
    """Looks at what it is given a while later."""

    def __init__(self):
        self.seen, self.threads = [], set()

    def update(self, piece):
        threading.Event().wait(0.02)
        self.seen.append(bytes(piece[:3]))
        self.threads.add(threading.get_ident())


def test_no_buffer_is_filled_before_it_is_hashed(monkeypatch):
    """Which a thread of its own does; how far it is is shown meanwhile."""
    said = []
    monkeypatch.setattr(
        download, "progress",
        lambda *of: lambda n, end="": said.append((*of, n, end)),
    )  # fmt: skip
    content = b"".join(bytes([65 + i]) * download.STEP for i in range(4)) + b"end"
    hasher, file = SlowHash(), io.BytesIO()
    found, step = {"file": "x", "size": len(content)}, download.STEP
    n = download.copy(io.BytesIO(content), file, hasher, found, 7, None)
    assert n == len(content) and file.getvalue() == content
    assert hasher.seen == [b"AAA", b"BBB", b"CCC", b"DDD", b"end"]
    assert len(hasher.threads - {threading.get_ident()}) == 1
    shown = [(i * step, "") for i in range(1, 5)] + [(n, ""), (n, "\n")]
    assert said == [("x", 7, len(content), *how) for how in shown]


def test_what_is_too_long_is_not_read_to_its_end():
    step = download.STEP
    for begin, most, n in ((0, step - 1, 1), (0, step, 2), (10, step + 9, 1),
                           (10, step + 10, 2)):  # fmt: skip
        answer = io.BytesIO(bytes(4 * step))
        args = hashlib.sha256(), {"file": "x", "size": None}, begin, most
        assert download.copy(answer, io.BytesIO(), *args) == n * step
        assert answer.tell() == n * step


def test_a_file_that_is_as_large_as_it_may_be(server, monkeypatch):
    size = (TINY / "vocab.json").stat().st_size
    monkeypatch.setattr(download, "MAX_TEXT", size)
    assert (hub.find("someone/tiny") / "vocab.json").stat().st_size == size
    shutil.rmtree(hub.home())
    monkeypatch.setattr(download, "MAX_TEXT", size - 1)
    with pytest.raises(DownloadError, match=f"vocab.json is larger than {size - 1} by"):
        hub.find("someone/tiny")


@pytest.mark.parametrize(
    ("number", "message"),
    [(errno.ENOSPC, "no space left on the disk of"),
     (errno.EDQUOT, "no space left on the disk of"),
     (errno.EACCES, "cannot fetch .*Permission.*by hand")],
)  # fmt: skip
def test_a_disk_that_takes_no_more(server, monkeypatch, number, message):
    """Full, or beyond what this user may have: the part goes. Else it stays."""

    def full(answer, file, *_):
        file.write(b"12345")
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(download, "copy", full)
    with pytest.raises(DownloadError, match=message):
        hub.find("someone/tiny")
    parts = [path.name for path in (hub.home() / "someone/tiny").glob("*.part")]
    content = (TINY / "config.json").read_bytes()
    git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    part = f"config.json.{download.tag_of(git)}.part"
    assert parts == ([part] if number == errno.EACCES else [])

    def fuller(*_):  # before there is a part
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(download, "append", fuller)
    with pytest.raises(DownloadError, match=message):
        hub.find("someone/tiny")


@pytest.mark.parametrize(
    ("size", "most", "asked"),
    [(5, None, 5), (5, 50, 5), (50, 50, 50), (None, 50, 50), (None, None, None),
     (51, 50, "larger than 50 bytes")],
)  # fmt: skip
def test_the_most_that_is_taken(tmp_path, monkeypatch, size, most, asked):
    """What was promised, or what any model needs."""

    def get_rest(found, known, file, hasher, have, most):
        raise ConnectionError(most)

    monkeypatch.setattr(download, "get_rest", get_rest)
    found = {"url": "u", "size": size, "etag": ""}
    kind = DownloadError if isinstance(asked, str) else ConnectionError
    with pytest.raises(kind, match=str(asked)):
        download.append(found, tmp_path / "part", None, most)


def test_a_part_that_is_whole_is_not_asked_for(server):
    """The program was ended before it gave the part its name."""
    folder = hub.home() / "someone" / "tiny"
    folder.mkdir(parents=True)
    tag = download.tag_of(hashlib.sha256((TINY / BIG).read_bytes()).hexdigest())
    shutil.copy(TINY / BIG, folder / f"{BIG}.{tag}.part")
    assert (hub.find("someone/tiny") / BIG).read_bytes() == (TINY / BIG).read_bytes()
    assert server.asked("GET", BIG) == []


def test_a_server_that_says_0_and_sends_more(server):
    """As some do when only asked about a file: it is not taken for an empty one."""
    server.faults["HEAD", "vocab.json"] = [
        {"headers": {"Content-Length": "0", "ETag": ""}}
    ]
    with pytest.raises(DownloadError, match="vocab.json is not what it should be"):
        hub.find("someone/tiny")


def test_a_part_is_named_by_all_of_a_tag(server):
    """By the SHA-256 of what stands between the quotes: a tag has odd characters."""
    tag = '"a-tag/of its.own-and_long"'
    server.faults["HEAD", "vocab.json"] = [{"headers": {"ETag": tag}}]
    server.faults["GET", "vocab.json"] = [{"cut": 9}] + [{"code": 503}] * 9
    with pytest.raises(DownloadError, match="503"):
        hub.find("someone/tiny")
    parts = [path.name for path in (hub.home() / "someone/tiny").glob("*.part")]
    name = hashlib.sha256(b"a-tag/of its.own-and_long").hexdigest()[:16]
    assert parts == [f"vocab.json.{name}.part"]


def test_the_lock_where_there_is_no_fcntl(tmp_path, monkeypatch):
    """Windows' own gives up after ten seconds: it is asked again."""
    calls, number = [], errno.EDEADLK

    def locking(file, how, n):
        calls.append((how, n))
        if len(calls) < 3:
            raise OSError(number, "")

    fake = SimpleNamespace(locking=locking, LK_LOCK=7)
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", fake)
    with download.locked(tmp_path / "lock"):
        assert calls == [(7, 1)] * 3
    calls, number = [], errno.EACCES
    with pytest.raises(PermissionError), download.locked(tmp_path / "lock"):
        pass
    assert calls == [(7, 1)]


def test_each_line_of_the_progress(monkeypatch, capsys):
    """Ten times a second at most; a shorter line covers a longer one."""
    clock = Clock()
    clock.now = 0.0
    monkeypatch.setattr(download, "time", clock)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    show = download.progress("x", 50_000_000, 250_000_000)
    for now, n, end, line in (
        (0.09, 1_000_000, "", None),
        (0.1, 1_000_000, "", "x  51 of 250 MB  10 MB/s  0:20 left"),
        (0.15, 2_000_000, "", None),
        (2.0, 2_000_000, "", "x  52 of 250 MB  1 MB/s  3:18 left"),
        (2.05, 200_000_000, "\n", "x  250 of 250 MB  98 MB/s  0:00 left"),
    ):
        clock.now = now
        show(n, end)
        want = "" if line is None else f"\r{line.ljust(35)}{end}".replace("\n", "")
        said = capsys.readouterr().err
        assert said.rstrip() == want.rstrip() and said.endswith(end)
    show = download.progress("y", 0, None)
    clock.now = 3.0
    show(1_400_000)
    assert capsys.readouterr().err == "\ry  1"
    # No time has passed, or nothing has come: nobody divides by that.
    for size, n, line in ((2 * 10**9, 10**6, "z  1 of 2000 MB  1000 MB/s  0:02 left"),
                          (100, 0, "z  0 of 0 MB  0 MB/s  1:40 left")):  # fmt: skip
        download.progress("z", 0, size)(n, end="\n")
        assert capsys.readouterr().err == f"\r{line}\n"


# Names, caches and known files.


@pytest.mark.parametrize(
    ("name", "full"),
    [("gpt2", "openai-community/gpt2"), ("gpt2-medium", "openai-community/gpt2-medium"),
     ("gpt2-large", "openai-community/gpt2-large"),
     ("gpt2-xl", "openai-community/gpt2-xl"), ("distilgpt2", "distilbert/distilgpt2"),
     ("a/b", "a/b"), ("A.b-c_1/9", "A.b-c_1/9"), ("a", None), ("a/b..c", None),
     ("a/b/c", None), (".a/b", None), ("a/-b", None)],
)  # fmt: skip
def test_full_names(name, full):
    assert known.full_name(name) == full


def test_the_known_weights_are_as_large_as_their_numbers():
    """A header, four bytes a weight, and the masks that OpenAI's files carry."""
    for name, n_header in (
        ("gpt2", 14291),
        ("gpt2-medium", 28994),
        ("distilgpt2", 8285),
    ):
        config = hub_config(name)
        size, sha256 = known.KNOWN[name][BIG]
        numbers = config.n_params + config.n_layer * config.n_ctx**2
        assert size == n_header + 4 * numbers
        assert re.fullmatch("[0-9a-f]{64}", sha256)
    begins = {"gpt2": "248dfc39", "gpt2-medium": "fc5a354a", "distilgpt2": "e1ff1888"}
    assert {n: known.KNOWN[n][BIG][1][:8] for n in begins} == begins
    for name, files in known.KNOWN.items():
        assert (BIG in files) == (name in begins)
        assert files["merges.txt"] == known.KNOWN["gpt2"]["merges.txt"]
        assert files["vocab.json"] == known.KNOWN["gpt2"]["vocab.json"]
    assert [*known.KNOWN] == [
        "gpt2",
        "gpt2-medium",
        "gpt2-large",
        "gpt2-xl",
        "distilgpt2",
    ]


def hub_config(name):
    from numpygpt import GPT2Config

    return GPT2Config.named(name) if name != "distilgpt2" else GPT2Config(n_layer=6)


@pytest.mark.parametrize(
    ("files", "is_whole"),
    [
        ("config.json model.safetensors merges.txt vocab.json", True),
        ("config.json model.safetensors tokenizer.json", True),
        ("config.json model.safetensors merges.txt", False),
        ("config.json model.safetensors vocab.json", False),
        ("config.json model.safetensors", False),
        ("model.safetensors tokenizer.json", False),
        ("config.json tokenizer.json", False),
        ("config.json tokenizer.json INDEX a.safetensors", False),
        ("config.json tokenizer.json INDEX a.safetensors b.safetensors", True),
        ("config.json tokenizer.json INDEX model.safetensors", True),
        ("config.json tokenizer.json DAMAGED a.safetensors b.safetensors", False),
    ],
)  # fmt: skip
def test_a_folder_that_has_all_it_needs(tmp_path, files, is_whole):
    parts = {"x": "a.safetensors", "y": "b.safetensors", "z": "a.safetensors"}
    for name in files.split():
        text = json.dumps({"weight_map": parts}) if name == "INDEX" else "{"
        file = known.INDEX if name in ("INDEX", "DAMAGED") else name
        (tmp_path / file).write_text(text)
    assert known.is_whole(tmp_path) is is_whole


def test_the_largest_index(tmp_path):
    text = json.dumps({"weight_map": {"x": "a.safetensors"}})
    for name in "config.json", "tokenizer.json", "a.safetensors":
        (tmp_path / name).write_text("")
    for size, is_whole in ((1_000_000, True), (1_000_001, False)):
        (tmp_path / known.INDEX).write_text(text[:-1].ljust(size - 1) + "}")
        assert known.is_whole(tmp_path) is is_whole


def test_the_parts_that_an_index_lists():
    def index(*names):
        return json.dumps({"weight_map": dict(enumerate(names))})

    parts = "b.safetensors", "a.safetensors", "b.safetensors"
    assert known.shards(index(*parts), "x") == ["a.safetensors", "b.safetensors"]
    long = "a" * 201 + ".safetensors"
    assert known.shards(index(long), "x") == [long]
    for wrong in ("a.bin", "a/b.safetensors", ".a.safetensors", "a" + long,
                  "\u00e9.safetensors", "a.safetensors\n", 3, None):  # fmt: skip
        with pytest.raises(DownloadError, match=f"x: {known.INDEX} is damaged"):
            known.shards(index("a.safetensors", wrong), "x")
    for wrong in "[]", "{}", '{"weight_map": []}', "{", "[" * 100_000:
        with pytest.raises(DownloadError, match=f"x: {known.INDEX} is damaged"):
            known.shards(wrong, "x")


def test_what_was_hashed_is_noted(tmp_path, monkeypatch):
    """The note is of this file, at this time; a folder for it is made."""
    hashed, file = [], tmp_path / "m" / "x"
    file.parent.mkdir()
    file.write_bytes(b"abc")
    right = hashlib.sha256(b"abc").hexdigest()
    real = known.sha256_of
    monkeypatch.setattr(
        known, "sha256_of", lambda path: hashed.append(path) or real(path)
    )
    monkeypatch.setitem(known.KNOWN, "m", {"no": (3, "0"), "x": (3, right)})
    notes = tmp_path / "a" / "b"
    for n in 1, 1:
        known.check("m", file.parent, notes)
        assert len(hashed) == n
    assert [path.name for path in notes.iterdir()] == [f".checked-{right[:16]}"]
    os.utime(file, ns=(1, 10**18))
    for _ in range(2):
        known.check("m", file.parent, notes)
        assert len(hashed) == 2
    file.write_bytes(b"abd")
    with pytest.raises(DownloadError, match=f"is damaged: .*, m's is {right}"):
        known.check("m", file.parent, notes)
    file.write_bytes(b"abcd")  # of another size: somebody's own
    known.check("m", file.parent, notes)
    known.check("other", file.parent, notes)
    assert len(hashed) == 3
    (tmp_path / "file").write_text("")  # where no folder of notes can be made
    file.write_bytes(b"abc")
    known.check("m", file.parent, tmp_path / "file" / "notes")


@pytest.mark.parametrize("commit", ["../x", "a b", "", "\u00e9"])
def test_a_commit_in_the_cache_is_a_plain_word(server, tmp_path, commit):
    snapshot = hugging_face_cache(tmp_path / "cache" / "huggingface" / "hub")
    (snapshot.parents[1] / "refs" / "main").write_text(commit, encoding="utf-8")
    shutil.copytree(TINY, snapshot.parents[1] / "x")  # where the first would lead
    assert known.in_hugging_face_cache("someone/tiny") is None


def test_where_the_caches_are(server, tmp_path, monkeypatch):
    snapshot = hugging_face_cache(tmp_path / ".cache" / "huggingface" / "hub")
    assert known.in_hugging_face_cache("someone/tiny") is None
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert known.in_hugging_face_cache("someone/tiny") == snapshot
    assert hub.home() == tmp_path / "home"
    monkeypatch.delenv("NUMPYGPT_HOME")
    assert hub.home() == tmp_path / ".cache" / "numpygpt"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert hub.home() == tmp_path / "x" / "numpygpt"
    shelves = [hub.HERE.parent / "weights", hub.HERE / "weights_", hub.home()]
    assert hub.model_shelves() == shelves


def test_a_model_of_the_cache_by_its_short_name(server, tmp_path, monkeypatch):
    """Old downloads lack the owner."""
    monkeypatch.setattr(hub, "model_shelves", list)
    monkeypatch.setitem(known.KNOWN, "gpt2", {})
    root = tmp_path / "cache" / "huggingface" / "hub"
    old = hugging_face_cache(root, "gpt2")
    assert hub.find("gpt2") == old
    new = hugging_face_cache(root, "openai-community/gpt2")
    assert hub.find("gpt2") == new


# Small files.


def test_what_a_small_file_may_cost(tmp_path):
    """20 MB of text, 1 MB of settings, 600,000 values."""
    path = tmp_path / "x.json"
    for read, most in ((hub.read_file, 20_000_000), (hub.read_json, 1_000_000)):
        path.write_text("{}".ljust(most))
        assert len(read(path)) == (most if read is hub.read_file else 0)
        path.write_text("{}".ljust(most + 1))
        with pytest.raises(hub.FormatError, match=f"is larger than {most} bytes"):
            read(path)
    text = b'{"a": "' + b"," * 599_999
    assert len(hub.parse_json(text + b'"}', "x")["a"]) == 599_999
    for more in b",", b"[", b"{":
        with pytest.raises(hub.FormatError, match="x: more than 600000 values"):
            hub.parse_json(text + more + b'"}', "x")


def test_a_key_that_stands_twice_is_named():
    with pytest.raises(hub.FormatError, match="the key 'b' stands twice"):
        hub.parse_json(b'{"a": {"b": 1, "c": 2, "b": 3}, "d": 4}', "x")
    with pytest.raises(hub.FormatError, match=r"x: not a JSON object but \[1\]"):
        hub.parse_json(b"[1]", "x")


@pytest.mark.parametrize(
    ("name", "script"),
    [("x.gguf", "convert_gguf.py"), ("x.ckpt", "convert_pytorch.py"),
     ("x.BIN", r"convert_pytorch.py \(of llm.c: convert_llmc.py\)"),
     ("x.pt", "convert_pytorch.py"), ("x.pth", "convert_pytorch.py"),
     ("x.index", "convert_tensorflow.py"), ("x.meta", "convert_tensorflow.py")],
)  # fmt: skip
def test_the_converter_of_every_kind_of_file(name, script):
    want = f": make one with python scripts/{script} a/{name} FOLDER"
    assert re.fullmatch(want, hub.remedy(f"a/{name}"))
    assert hub.remedy("a/x.txt") == ": give its folder, 'a'"


def test_the_parts_of_a_model(tmp_path):
    index, long = tmp_path / "m.index.json", "a" * 201
    assert hub.parts_of(tmp_path, "m") == [tmp_path / "m"]
    index.write_text(json.dumps({"weight_map": {"x": "b", "y": long, "z": "b"}}))
    assert hub.parts_of(tmp_path, "m") == [tmp_path / long, tmp_path / "b"]
    (tmp_path / "m").write_text("")  # the whole one counts
    assert hub.parts_of(str(tmp_path), "m") == [tmp_path / "m"]
    (tmp_path / "m").unlink()
    for wrong, message in (({"x": "a" + long}, "no file of its folder"),
                           ({"x": "\u00e9"}, "no file of its folder"),
                           ({}, "weight_map"), (["b"], "no weight_map")):  # fmt: skip
        index.write_text(json.dumps({"weight_map": wrong}))
        with pytest.raises(hub.FormatError, match=message):
            hub.parts_of(tmp_path, "m")


def test_a_file_in_a_folder_that_is_not_there_yet(tmp_path):
    for content in b"one", b"two":
        with hub.writing(tmp_path / "a" / "b" / "x") as file:
            file.write(content)
        assert (tmp_path / "a" / "b" / "x").read_bytes() == content
    assert os.listdir(tmp_path / "a" / "b") == ["x"]


def test_what_is_no_path():
    for wrong in 3, None, b"x", ["x"]:
        with pytest.raises(
            ValueError, match="name_or_folder must be a path or a model"
        ):
            hub.find(wrong)
    with pytest.raises(ValueError, match="^folder must be a path"):
        hub.as_path(3, "folder")
    assert hub.as_path("a", "x") == Path("a")


def test_a_process_without_a_stderr(capsys, monkeypatch):
    from numpygpt.files.terminal import on_terminal, say

    say("a", end="")
    say("b")
    assert capsys.readouterr().err == "ab\n"
    assert on_terminal(None) is False
    assert on_terminal(io.StringIO()) is False
    flushed = []
    out = io.StringIO()
    out.flush = lambda: flushed.append(out.getvalue())
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", out)
        say("c", end="")
    assert flushed == ["c"]  # seen before the line ends
    monkeypatch.setattr(sys, "stderr", None)
    say("nothing")
    assert capsys.readouterr().out == ""


# Folders that are filled.


def test_one_writer_at_a_time(tmp_path, monkeypatch):
    """Whoever holds the folder's lock; another waits for ten seconds and goes on."""
    handle = os.open(tmp_path, os.O_RDONLY)
    how = fcntl.LOCK_EX | fcntl.LOCK_NB
    with hub.alone(tmp_path), pytest.raises(BlockingIOError):
        fcntl.flock(handle, how)
    fcntl.flock(handle, how)
    clock = Clock()
    monkeypatch.setattr(hub, "time", clock)
    with hub.alone(tmp_path):
        assert clock.now == pytest.approx(1010, abs=0.01)
    os.close(handle)

    def no_locks(*_):
        raise OSError(errno.ENOLCK, "")

    clock.now = 1000.0
    monkeypatch.setattr(fcntl, "flock", no_locks)
    with hub.alone(tmp_path):  # as on some network disks
        assert clock.now == 1000
    monkeypatch.setattr(os, "open", None)
    with monkeypatch.context() as patch:
        patch.setattr(hub.os, "name", "nt")
        with hub.alone(tmp_path):
            pass


def test_the_seal_comes_last(tmp_path, monkeypatch):
    moved, real = [], os.replace
    (tmp_path / "older").write_text("x")
    monkeypatch.setattr(
        hub.os, "replace", lambda a, b: moved.append(b.name) or real(a, b)
    )
    with hub.filling(tmp_path, "b", ["older", "never"]) as new:
        for name in "abc":
            (new / name).write_text(name)
    assert sorted(moved) == ["a", "b", "c"] and moved[-1] == "b"
    assert sorted(os.listdir(tmp_path)) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="^folder must be a path"), hub.filling(3, "b"):
        pass


def test_an_empty_folder_stays_after_an_error(tmp_path):
    """A new one does not."""
    (tmp_path / "old").mkdir()
    for name in "old", "a/new":
        with pytest.raises(RuntimeError), hub.filling(tmp_path / name, "b") as new:
            (new / "a").write_text("a")
            raise RuntimeError
    assert os.listdir(tmp_path / "old") == []
    assert os.listdir(tmp_path / "a") == []
