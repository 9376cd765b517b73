#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The language: what mig reads, what it refuses and where it says the error is."""

import subprocess
import sys

import harness

PROLOGUE = """\
subsystem test 100;
type int = MACH_MSG_TYPE_INTEGER_32;
type mach_port_t = MACH_MSG_TYPE_COPY_SEND;
"""

# Everything that the language has, whether C can be generated for it or not.
WHOLE_LANGUAGE = """\
SubSystem KernelUser everything 0x100;
rcsid "nothing";
serverprefix s_; UserPrefix u_; serverdemux everything_demux;
waittime 1000; nowaittime; sendtime 5; nosendtime; msgoption MACH_SEND_ALWAYS | 2; error on_error;
import <a.h>; uimport "b.h"; simport <c.h>; dimport <d.h>; iimport <e.h>;
type int = MACH_MSG_TYPE_INTEGER_32;
type odd = (MACH_MSG_TYPE_INTEGER_32, 8 * (4 + 2 - 2) / 1);
type long_one = (MACH_MSG_TYPE_INTEGER_32, 64, isnotlong) ctype: long;
type port = MACH_MSG_TYPE_MOVE_SEND | polymorphic
    intran: object_t object_of(mach_port_t) outtran: mach_port_t port_of(object_t) destructor: free_object(object_t)
    intranpayload: object_t object_of_payload(object_t)
    ctype: mach_port_t cusertype: mach_port_t cservertype: mach_port_t;
type fixed = array[2 * 3 + 1] of int;
type some = array[*:7] of int;
type any = array[*] of int;
type any_too = array[] of int;
type pages = ^array[] of int;
type pointer = ^int;
type block = struct[4] of int;
type record = struct { int a; fixed b; };
type name = c_string[16];
type text = c_string[*:32];
type poly = polymorphic;
skip;
routine all(
    requestport a : port; sreplyport b1 : port; ureplyport b2 : port;
    in c : int; out d : int; inout e : some; out f0 : some; out f : some, CountInOut, SameCount;
    g : any, servercopy, const; h : pages, dealloc[]; i : pages, dealloc, physicalcopy;
    out j : pages, notdealloc, overwrite;
    k : port = MACH_MSG_TYPE_MAKE_SEND_ONCE | polymorphic; l : poly, islong; retc : int, retcode;
    waittime t : int; sendtime u : int; msgoption o : int; msgseqno q : int;
    serversectoken v : block; serveraudittoken w : block; servercontexttoken x : int; usersectoken y : block;
    useraudittoken z : block; serverimpl aa : int; userimpl bb : int);
simpleroutine out(a : port; replyport b : port);
procedure p(a : port; out b : int);
SimpleProcedure sp(a : port; b : int);
function f(a : port; b : int) : int;
"""


class Grammar(harness.MigTest):
    def check(self, text):
        return self.folder.mig("-check", self.folder.write("t.defs", text))

    def test_whole_language(self):
        """the whole language is read"""
        self.must(self.check(WHOLE_LANGUAGE))

    def test_names_may_look_like_keywords(self):
        """an argument may be called like a keyword of another place"""
        self.must(self.check(PROLOGUE + "routine type(skip : mach_port_t; import : int; array : int; of : int);"))

    def test_numbers(self):
        """numbers are decimal, even behind a zero, or hexadecimal"""
        text = "type a = array[010] of int;\ntype b = array[0x0A] of int;\n"
        self.must(self.folder.mig("-doc", "d", "-header", "h", self.folder.write("t.defs", PROLOGUE + text + (
            "routine r(p : mach_port_t; x : a; y : b);\n"))))
        self.assertIn("request 112 bytes", self.folder.read("d"))

    def test_preprocessor(self):
        """conditions and macros work, -D reaches them"""
        text = "#if WANTED\n#define R(name) routine x_ ## name\nR(one)(p : mach_port_t);\n#else\nbroken\n#endif\n"
        path = self.folder.write("t.defs", PROLOGUE + text)
        self.must(self.folder.mig("-DWANTED=1", "-check", path))
        self.assertEqual(self.folder.mig("-check", path).returncode, 1)


# text behind the prologue (3 lines), line, column, part of the message
ERRORS = [
    ("routine r(p : mach_port_t;\n    x int);\n", 5, 7, "unexpected 'int', expected ':'"),
    ("routine r(p : mach_port_t)\n", 4, 26, "unexpected end of file, expected ';'"),
    ("routine r(p : mach_port_t; ! : int);\n", 4, 28, "unexpected '!', expected ')' or a name"),
    ("routine r(p : mach_port_t; x : missing);\n", 4, 32, "type 'missing' is not declared"),
    ("type t = MACH_MSG_TYPE_NOTHING;\n", 4, 10, "unknown message type 'MACH_MSG_TYPE_NOTHING'"),
    ("type t = array[*:0] of int;\n", 4, 24, "at least one element"),
    ("routine r(x : int);\n", 4, 9, "routine 'r' has no request port"),
    ("routine r(p : mach_port_t; x : int; x : int);\n", 4, 37, "a second argument 'x'"),
    ("routine r(p : mach_port_t);\nroutine r(p : mach_port_t);\n", 5, 9, "a second routine 'r'"),
    ("simpleroutine r(p : mach_port_t; out x : int);\n", 4, 38, "can't return 'x'"),
    ("routine r(requestport p : int);\n", 4, 23, "its type is no port"),
    ("routine r(requestport a : mach_port_t; requestport b : mach_port_t);\n", 4, 52, "a second request port"),
    ("routine r(p : mach_port_t; out x : int, CountInOut);\n", 4, 32, "CountInOut is for variable arrays"),
    ("routine r(p : mach_port_t; x : array[3] of int);\n", 4, 28, "has no name in C"),
    ("routine r(p : mach_port_t; replyport a : int; ureplyport b : int);\n", 4, 58, "too many reply ports"),
    ("routine r(p : mach_port_t; out x : int, SameCount);\n", 4, 32, "SameCount is for variable arrays"),
    ("type t = array[*:4] of int;\nroutine r(p : mach_port_t; x : t, SameCount);\n", 5, 28, "no in array ahead"),
    ("type t = int intran: u from;\n", 4, 24, "needs the type of its argument in ()"),
    ("type v = array[*:4] of int intran: u from(v);\nroutine r(p : mach_port_t; x : v);\n", 5, 28,
     "only a right or a value can be"),
    ("type t = mach_port_t destructor: gone(t);\nroutine r(p : mach_port_t; x : t);\n", 5, 28, "a destructor, but no"),
    ("routine r(p : mach_port_t; out x : int, Overwrite);\n", 4, 32, "Overwrite is for out-of-line data"),
    ("routine r(p : mach_port_t; x : int, dealloc[]);\n", 4, 28, "dealloc[] is for out-of-line arguments"),
    ("routine r(p : mach_port_t; x : int, const[]);\n", 4, 42, "[] goes with dealloc, not with const"),
    ("procedure r(p : mach_port_t);\n", 4, 11, "needs an error statement"),
    ("error e;\nfunction r(p : mach_port_t) : c_string[4];\n", 5, 10, "can't return an array or a string"),
    ("type t = ^c_string[4];\n", 4, 6, "a string can't travel out of line"),
    ("type t = c_string[*];\n", 4, 6, "a string needs a bound"),
    ("type t = struct[2] of mach_port_t;\n", 4, 23, "a struct can't hold rights"),
    ("type t = struct { array[*:2] of int a; };\n", 4, 33, "a member of a struct needs a fixed size"),
    ("type t = array[*:2] of array[] of int;\n", 4, 35, "an element of an array needs a fixed size"),
    ("type t = (MACH_MSG_TYPE_INTEGER_32, 12);\n", 4, 11, "no whole number of bytes"),
    ("type t = MACH_MSG_TYPE_BIT;\n", 4, 10, "needs a size"),
    ("type t = array[1 / 0] of int;\n", 4, 16, "division by zero"),
    ("type t = array[0x7fffffff * 16] of int;\n", 4, 36, "bytes are too many"),
    ("type t = array[" + 21 * "9" + "] of int;\n", 4, 16, "too many digits"),
    ("routine r(p : mach_port_t; Gap : int);\n", 4, 28, "C or the stubs use it"),
    ("routine r(p : mach_port_t; while : int);\n", 4, 28, "C or the stubs use it"),
    ("routine r(p : mach_port_t; x : int; xCnt : int);\n", 4, 37, "the stubs use 'xCnt' for 'x'"),
    ("subsystem again 200;\n", 4, 11, "a second subsystem statement"),
]

# What can be read, but means nothing for the stubs that are wanted: declaration, arguments, side, part of the message
UNSUPPORTED = [
    ("", "userimpl x : int", "-header", "userimpl is not defined here"),
    ("", "waittime x : int; sendtime y : int", "-header", "a call has one timeout"),
    ("", "msgseqno x : int", "-kernel-server -sheader", "have no trailer"),
]


class Errors(harness.MigTest):
    def refuse(self, text, *arguments):
        path = self.folder.write("t.defs", text)
        result = self.folder.mig(*arguments, path)
        self.assertEqual(result.returncode, 1)
        return path, result.stderr

    def test_positions(self):
        """errors name file, line and column"""
        for text, line, column, message in ERRORS:
            with self.subTest(text=text):
                path, errors = self.refuse(PROLOGUE + text, "-check")
                self.assertIn(f"{path}:{line}:{column}: error: ", errors)
                self.assertIn(message, errors)

    def test_positions_in_included_files(self):
        """an error in an included file is reported there"""
        included = self.folder.write("inner.defs", "\n\ntype t = missing;\n")
        _, errors = self.refuse(PROLOGUE + '#include "inner.defs"\n', "-check")
        self.assertIn(f"{included.name}:3:10: error: ", errors)

    def test_unsupported(self):
        """what no stub can be written for is refused by name, but passes -check"""
        for declaration, argument, side, message in UNSUPPORTED:
            with self.subTest(argument=argument):
                text = PROLOGUE + declaration + f"\nroutine r(p : mach_port_t; {argument});\n"
                _, errors = self.refuse(text, *side.split(), "t.h")
                self.assertRegex(errors, r"t\.defs:5:\d+: error: ")
                self.assertIn(message, errors)
                self.assertFalse((self.folder.path / "t.h").exists())
                self.must(self.folder.mig("-check", self.folder.path / "t.defs"))

    def test_no_subsystem(self):
        """a file without subsystem is refused"""
        self.assertIn("no subsystem", self.refuse("type int = MACH_MSG_TYPE_INTEGER_32;\n", "-check")[1])

    def test_too_much(self):
        """what is nested beyond reason, or has an id beyond the last, is refused"""
        self.assertIn("nested too deeply", self.refuse(PROLOGUE + "type t = " + 5000 * "^" + "int;\n", "-check")[1])
        text = PROLOGUE.replace("100", "0x7fffffff") + "routine r(p : mach_port_t);\n"
        self.assertIn("leaves no room", self.refuse(text, "-check")[1])

    def test_any_bytes(self):
        """bytes that are no text reach the output as they are, or are refused"""
        path = self.folder.path / "t.defs"
        path.write_bytes(PROLOGUE.encode() + b"/* \xff\x80 */\nroutine r(p : mach_port_t);\n")
        self.must(self.folder.mig("-header", "h", path))
        self.assertIn(b"/* \xff\x80 */", (self.folder.path / "h").read_bytes())
        path.write_bytes(PROLOGUE.encode() + b"\xff\0")
        self.assertIn("t.defs:4:1: error: unexpected", self.folder.mig("-check", path).stderr)

    def test_missing_file(self):
        """a file that is not there is an error, not a traceback"""
        result = self.folder.mig("-check", "nowhere.defs")
        self.assertEqual(result.returncode, 1)
        self.assertNotIn("Traceback", result.stderr)


class CommandLine(harness.MigTest):
    def test_help(self):
        """the program starts, and --help tells every option"""
        result = self.must(subprocess.run([harness.MIG, "--help"], capture_output=True, text=True, check=False))
        for option in ("-user", "-server", "-header", "-sheader", "-doc", "-check", "-kernel-server", "-I", "-D"):
            self.assertIn(option, result.stdout)

    def test_usage(self):
        """wrong usage exits 2"""
        path = self.folder.write("t.defs", PROLOGUE)
        self.assertEqual(self.folder.mig("-user", "u.c", path).returncode, 2)
        self.assertEqual(self.folder.mig("-server", "s.c", path).returncode, 2)
        self.assertEqual(self.folder.mig("-unknown", path).returncode, 2)

    def test_unwritable(self):
        """an output that can't be written is an error"""
        path = self.folder.write("t.defs", PROLOGUE + "routine r(p : mach_port_t);\n")
        result = self.folder.mig("-header", "no/such/folder.h", path)
        self.assertEqual(result.returncode, 1)
        self.assertIn("can't write", result.stderr)

    def test_dependencies(self):
        """-MD names every file that was read"""
        self.must(self.folder.mig("-header", "task.h", "-MD", "d", harness.INCLUDE / "mach/task.defs"))
        text = self.folder.read("d")
        self.assertTrue(text.startswith("task.h: "))
        for name in ("task.defs", "mach_types.defs", "std_types.defs"):
            self.assertIn(f"mach/{name}", text)

    def test_deterministic(self):
        """the same input gives the same output"""
        path = harness.INCLUDE / "mach/mach_port.defs"
        for number in "12":
            self.must(self.folder.mig("-user", f"u{number}", "-header", "h.h", "-doc", f"d{number}", path))
        self.assertEqual(self.folder.read("u1"), self.folder.read("u2"))
        self.assertEqual(self.folder.read("d1"), self.folder.read("d2"))


if __name__ == "__main__":
    sys.exit(harness.main(Grammar, Errors, CommandLine))
