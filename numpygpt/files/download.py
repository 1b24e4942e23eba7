"""Fetch a model from the Hugging Face hub, with nothing but the standard library.

The hub answers ``ENDPOINT/OWNER/NAME/resolve/REVISION/FILE``. For a large file that is
a redirect to where the bytes lie, and the redirect's own headers say what to expect:
the size, the commit, and as ETag the sha256. So every file is asked about first (HEAD)
and fetched then (GET), and what arrives is compared with what was promised.

What a download of gigabytes has to live with, and what is done about it:

- The connection breaks: what has arrived stays in ``FILE.TAG.part``, the tag being a
  hash of the ETag, and the next attempt, now or next week, asks for the rest (Range).
- The server is busy (429, 503): wait as long as it says (Retry-After), try again.
- Two processes want the same model: one holds a lock, the other waits and finds it.
- The disk is full: known before the first byte; if it fills up meanwhile, the part is
  removed. config.json is written last, so a folder that has one is whole.

Environment: HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE, and http_proxy, https_proxy,
no_proxy as everywhere.

Try: start a download of gpt2-medium, kill it half way, and start it again.
"""

import contextlib
import errno
import hashlib
import http.client
import json
import os
import re
import shutil
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from itertools import cycle
from urllib.parse import urljoin, urlsplit

from .hub import MAX_SETTINGS, MAX_TEXT
from .known import INDEX, KNOWN, WEIGHTS, DownloadError, full_name, shards
from .terminal import on_terminal, say

TOKENIZER = ("merges.txt", "vocab.json", "tokenizer.json")
OPTIONAL = ("tokenizer_config.json", "generation_config.json")
TRIES = 5  # in a row without a byte of progress
TIMEOUT = 15  # seconds of silence
PATIENCE = 55  # seconds without a byte, however many attempts that are
MAX_WAIT = 300  # seconds, whatever Retry-After says
MAX_REDIRECTS = 5
STEP = 1 << 20


class BusyError(ConnectionError):
    """The server wants us to come back later."""

    def __init__(self, answer):
        super().__init__(f"the server answers {answer.code} {answer.reason}")
        self.wait = answer.headers.get("Retry-After", "")


class BeyondEndError(ConnectionError):
    """The server has nothing from the byte on that we asked for."""


def fetch(name, folder):
    """Download a model's config, tokenizer and weights into ``folder``; returns it."""
    endpoint = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    if not endpoint.startswith(("http://", "https://")):
        raise DownloadError(f"HF_ENDPOINT must be an http address, not {endpoint!r}")
    where = f"{endpoint.rstrip('/')}/{full_name(name)}"
    by_hand = (
        f"Put config.json, model.safetensors, merges.txt and vocab.json from {where} "
        f"into {folder} by hand, or name a folder that has them."
    )
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON"):
        raise DownloadError(
            f"the model {name!r} is not on this machine, and HF_HUB_OFFLINE forbids to "
            f"fetch it. {by_hand}"
        )
    if folder.parts[0] == "~":
        raise DownloadError("no home folder is known: set NUMPYGPT_HOME to a folder")
    say(f"[fetching {name} from {where}]")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / ".lock"):
            if not (folder / "config.json").is_file():  # another process was faster
                fetch_files(name, where, folder)
    except DownloadError:
        raise
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(f"cannot fetch {where}: {error}. {by_hand}") from None
    return folder


def fetch_files(name, where, folder):
    """All files of a model; config.json appears last and says that all are there."""
    config = ask(f"{where}/resolve/main/config.json")
    if config is None:
        raise DownloadError(f"{where} has no config.json: there is no such model")
    # All files of one commit, even if the next one is made meanwhile.
    base = f"{where}/resolve/{config['commit'] or 'main'}"
    receive(config, folder, None, suffix=".new", most=MAX_SETTINGS)
    check_kind(folder / "config.json.new", where)
    wanted = [ask(f"{base}/{file}") for file in (*TOKENIZER, *OPTIONAL)]
    wanted = [found for found in wanted if found is not None]
    weights, index = ask(f"{base}/{WEIGHTS}"), None
    if weights is None:
        index = ask(f"{base}/{INDEX}")
    if index is not None:
        receive(index, folder, None, most=MAX_SETTINGS)
        parts = shards((folder / INDEX).read_bytes(), where)
        wanted += [ask(f"{base}/{part}") for part in parts]
    else:
        wanted.append(weights)
    if None in wanted:
        raise DownloadError(
            f"{where} has no {WEIGHTS}, or not all of its parts. If it has "
            "pytorch_model.bin, fetch that by hand and use scripts/convert_pytorch.py"
        )
    check_room(folder, sum(found["size"] or 0 for found in wanted))
    for found in wanted:
        most = None if found["file"].endswith(".safetensors") else MAX_TEXT
        receive(found, folder, KNOWN.get(name, {}).get(found["file"]), most=most)
    os.replace(folder / "config.json.new", folder / "config.json")


def check_kind(path, where):
    """Before gigabytes are fetched: is it a GPT-2 at all?"""
    try:
        kind = json.loads(path.read_bytes()).get("model_type", "gpt2")
    except (ValueError, AttributeError, RecursionError) as error:
        kind = error
    if kind != "gpt2":
        path.unlink()
        raise DownloadError(f"{where} is no GPT-2; its model_type: {kind!r:.80}")


def check_room(folder, n_bytes):
    free = shutil.disk_usage(folder).free
    have = sum(path.stat().st_size for path in folder.glob("*"))
    if n_bytes > free + have:
        raise DownloadError(
            f"{folder} has {free / 1e6:.0f} MB free, the model needs "
            f"{(n_bytes - have) / 1e6:.0f} MB more. NUMPYGPT_HOME may name another disk"
        )


# One file.


def ask(url):
    """What the hub says of a file: ``{url, file, size, etag, commit}``; None if the
    repository lacks it. The hub's own last answer counts: of a renamed model it is the
    second; and the place that large files are redirected to has other headers."""

    def head():
        answer, said = request(url, "HEAD")
        with answer:
            etag = said.get("X-Linked-Etag") or said.get("ETag") or ""
            size = said.get("X-Linked-Size") or answer.headers.get("Content-Length")
            return {
                "url": url,
                "file": url.rpartition("/")[2],
                "size": whole_number(size),
                "etag": etag.removeprefix("W/").strip('"'),
                "commit": re.sub(r"[^0-9a-f]", "", said.get("X-Repo-Commit") or ""),
            }

    try:
        return retrying(head)
    except FileNotFoundError:
        return None


def whole_number(header):
    """The number in a header; None if it is missing or odd."""
    return int(header) if re.fullmatch("[0-9]{1,15}", header or "") else None


def receive(found, folder, known, suffix="", most=None):
    """Download one file into the folder: it appears whole, checked, or not at all.
    ``most``: a file that is larger, whatever its server promised, is refused."""
    path = folder / f"{found['file']}{suffix}"
    part = path.with_name(f"{found['file']}.{tag_of(found['etag'])}.part")
    if not found["etag"]:  # nothing would say that an old part is one of this file
        part.unlink(missing_ok=True)
    if path.is_file() and is_promised(path, found, known):
        return  # an earlier attempt got as far as this
    try:
        retrying(lambda: append(found, part, known, most), part)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            part.unlink(missing_ok=True)
            raise DownloadError(f"no space left on the disk of {folder}") from None
        raise
    os.replace(part, path)


def tag_of(etag):
    """What tells the parts of two versions of a file apart: all of the ETag counts,
    for some servers' begin alike (a file's number and size come first, then its
    time)."""
    return hashlib.sha256(etag.encode()).hexdigest()[:16] if etag else "untagged"


def is_promised(path, found, known):
    """Is this finished file, of an earlier attempt and perhaps of another commit, the
    one that we want? Without a promised hash nobody can tell."""
    hasher, promised = new_hash(found, known)
    with open(path, "rb") as file:
        hash_all(file, hasher)
    return hasher.hexdigest() == promised


def hash_all(file, hasher):
    """Hash a file from its beginning; returns its size."""
    file.seek(0)
    while piece := file.read(STEP):
        hasher.update(piece)
    return file.tell()


def append(found, part, known, most=None):
    """Get what the part still lacks, then compare it with what was promised."""
    size = found["size"]
    most = size if most is None else min(size or most, most)
    if size is not None and size > most:
        raise too_large(found, most)
    hasher, promised = new_hash(found, known)
    with open(part, "ab+") as file:
        have = hash_all(file, hasher)
        if have == 0 or have != size:
            hasher, have, size = get_rest(found, known, file, hasher, have, most)
    if size is not None and have < size:
        raise ConnectionError(f"the connection ended at byte {have} of {size}")
    digest = hasher.hexdigest()
    if (size is not None and have > size) or promised not in (None, digest):
        part.unlink()
        raise DownloadError(
            f"{found['url']} is not what it should be: {have} bytes with the hash "
            f"{digest}, where {size} with {promised} were promised. It was removed"
        )
    if most is not None and have > most:
        part.unlink()
        raise too_large(found, most)


def get_rest(found, known, file, hasher, have, most):
    """Append to a part what follows byte ``have`` -> the hash of all of it, how much
    that is, and how much it should be: the answer says, if nobody did before."""
    size = found["size"]
    try:
        with request(found["url"], "GET", have)[0] as answer:
            if have and not from_byte(have, answer):
                file.truncate(0)  # the server sends all of it again
                hasher, have = new_hash(found, known)[0], 0
            rest = whole_number(answer.headers.get("Content-Length"))
            if size is None and rest is not None:
                size = have + rest
            have += copy(answer, file, hasher, found, have, most)
    except BeyondEndError:
        if hasher.hexdigest() != new_hash(found, known)[1]:  # else it was all there
            file.truncate(0)
            raise
    return hasher, have, size


def too_large(found, most):
    return DownloadError(f"{found['url']} is larger than {most} bytes: no model's is")


def new_hash(found, known):
    """(an empty hash object, the digest that is promised or None). The hub's ETag is
    the sha256 of a large file and, of a small one, the hash that git knows it by."""
    if known is not None:
        size, sha256 = known
        if found["size"] not in (None, size):
            raise DownloadError(
                f"{found['url']} has {found['size']} bytes, but the file known by this "
                f"name has {size}"
            )
        return hashlib.sha256(), sha256
    etag = found["etag"]
    if re.fullmatch("[0-9a-f]{40}", etag) and found["size"] is not None:
        return hashlib.sha1(b"blob %d\0" % found["size"]), etag
    return hashlib.sha256(), etag if re.fullmatch("[0-9a-f]{64}", etag) else None


def from_byte(have, answer):
    """Does this answer go on where the part ends?"""
    content_range = answer.headers.get("Content-Range", "")
    return answer.status == 206 and content_range.startswith(f"bytes {have}-")


def copy(answer, file, hasher, found, begin, most):
    """Write what arrives; hash it meanwhile in a second thread. Two buffers take turns:
    one is filled while the other is hashed. Returns how much."""
    n, hashed, show = 0, None, progress(found["file"], begin, found["size"])
    buffers = cycle([bytearray(STEP), bytearray(STEP)])
    with ThreadPoolExecutor(1) as pool:
        has_thread = can_start(pool)
        while size := answer.readinto(buffer := next(buffers)):
            piece = memoryview(buffer)[:size]
            file.write(piece)
            if hashed is not None:
                hashed.result()
            if has_thread:
                hashed = pool.submit(hasher.update, piece)
            else:
                hasher.update(piece)
            n += size
            show(n)
            if most is not None and begin + n > most:
                break  # more than was promised, or than anybody needs
    show(n, end="\n")
    return n


def can_start(pool):
    """Does the system let this pool have a thread?"""
    try:
        pool.submit(int).result()
        return True
    except RuntimeError:
        return False


def progress(name, begin, size):
    """A function that shows ``model.safetensors  312 of 548 MB  41 MB/s  0:05 left`` on
    a terminal, ten times a second, and nothing elsewhere."""
    start, last, width = time.monotonic(), 0.0, 0
    if not on_terminal(sys.stderr):
        return lambda n, end="": None

    def show(n, end=""):
        nonlocal last, width
        now = time.monotonic()
        if now - last < 0.1 and not end:
            return
        last = now
        speed = n / max(now - start, 1e-3)
        line = f"{name}  {(begin + n) / 1e6:.0f}"
        if size:
            left = (size - begin - n) / max(speed, 1)
            line += f" of {size / 1e6:.0f} MB  {speed / 1e6:.0f} MB/s"
            line += f"  {left // 60:.0f}:{left % 60:02.0f} left"
        print("\r", end="", file=sys.stderr)
        say(line.ljust(width), end)  # over what stood there; old consoles know no more
        width = len(line)

    return show


# One request.


def retrying(action, part=None):
    """Do it; after an error that may pass, wait and do it again, as long as some try
    out of `TRIES` makes the part grow. A silent server gets no try that would, if it is
    as long as the last one, end after `PATIENCE`."""
    failures, reached, since = 0, 0, time.monotonic()
    while True:
        begin = time.monotonic()
        try:
            return action()
        except (ConnectionError, TimeoutError, http.client.HTTPException) as error:
            size = part.stat().st_size if part is not None and part.exists() else 0
            now = time.monotonic()
            if size > reached:
                failures, reached, since = 0, size, now - TIMEOUT
            failures += 1
            wait = seconds(error.wait) if isinstance(error, BusyError) else None
            wait = 2.0 ** (failures - 1) if wait is None else wait
            silent = isinstance(error, TimeoutError)
            late = silent and now + wait + now - max(begin, since) > since + PATIENCE
            hopeless = isinstance(error, ConnectionRefusedError)
            if failures >= TRIES or late or hopeless:
                raise
            say(f"[{error}; trying again in {wait:.0f} s]")
            time.sleep(wait)


def seconds(retry_after):
    """Retry-After, a number of seconds or a date -> seconds from now, or None."""
    try:
        if retry_after.isdecimal():
            return float(min(int(retry_after), MAX_WAIT))
        wait = parsedate_to_datetime(retry_after).timestamp() - time.time()
        return min(max(wait, 0.0), MAX_WAIT)
    except (ValueError, TypeError, OverflowError):
        return None


class Unfollowed(urllib.request.HTTPRedirectHandler):
    """urllib would follow redirects itself, and hand the token to whoever is there."""

    def redirect_request(self, *_):
        return None


def request(url, method, begin=0):
    """Open a URL, from byte ``begin`` on -> (the answer, the headers of the hub's own
    last one, which says what the file is even if another place has it). Status codes
    become errors."""
    home, said = url, {}
    for _ in range(MAX_REDIRECTS):
        try:
            answer, url, said = ask_once(url, method, begin, home, said)
        except (ValueError, http.client.InvalidURL) as error:
            raise DownloadError(
                f"{home} leads to {url!r:.200}, which is no address: {error}"
            ) from None
        if url is None:
            return answer, said
    raise DownloadError(f"{home} is redirected without end")


def ask_once(url, method, begin, home, said):
    """One request -> the answer, where it leads to instead or None, the headers."""
    headers = {"User-Agent": "numpygpt", "Accept-Encoding": "identity"}
    if begin:
        headers["Range"] = f"bytes={begin}-"
    token = os.environ.get("HF_TOKEN", "").strip()
    if not re.fullmatch("[!-~]*", token):
        raise DownloadError("HF_TOKEN has a character that no token has: set it anew")
    at_home = urlsplit(url).netloc == urlsplit(home).netloc
    if token and at_home:
        headers["Authorization"] = f"Bearer {token}"
    if urlsplit(url).scheme not in ("https", urlsplit(home).scheme):
        raise DownloadError(f"{home} leads to {url!r:.200}: refused")
    asked = urllib.request.Request(url, headers=headers, method=method)
    try:
        answer = urllib.request.build_opener(Unfollowed).open(asked, timeout=TIMEOUT)
        return answer, None, answer.headers if at_home else said
    except urllib.error.HTTPError as answer:
        said = answer.headers if at_home else said
        if method == "HEAD" and said.get("X-Linked-Size"):
            return answer, None, said  # all we ask for; the place may want a GET
        return answer, urljoin(url, failed(url, answer)), said
    except urllib.error.URLError as error:
        raise error.reason if isinstance(error.reason, OSError) else error from None


def failed(url, error):
    """A status that is no success -> the place a redirect names, or an error."""
    if error.code in (301, 302, 303, 307, 308) and error.headers.get("Location"):
        return error.headers["Location"]
    if error.code == 416:
        raise BeyondEndError(f"{url} ends before the byte that was asked for")
    if error.code == 404:
        raise FileNotFoundError(f"{url} does not exist")
    if error.code in (401, 403):
        raise DownloadError(
            f"{url} is refused ({error.code}): no such model, or one that wants a "
            "token in HF_TOKEN"
        )
    if error.code in (408, 429) or error.code >= 500:
        raise BusyError(error)
    raise DownloadError(f"{url}: the server answers {error.code} {error.reason}")


@contextlib.contextmanager
def locked(path):
    """One process at a time; the lock ends with the process, whatever happens to it."""
    with open(path, "wb") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        except ImportError:  # Windows
            import msvcrt

            while True:
                try:  # it waits for 10 seconds, then gives up
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                    break
                except OSError as error:
                    if error.errno != errno.EDEADLK:
                        raise
        yield
