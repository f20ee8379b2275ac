//! Where records begin, and how a source's format is told from its first lines.

use codec::{Framing, cut, detect, is_record_start};
use model::Format;

/// Lines, of which those that begin with `>` must begin a record; the mark is not part of the line.
fn check(format: Format, marked: &str) {
    let lines: Vec<&str> = marked.lines().collect();
    let text: String = lines.iter().map(|line| format!("{}\n", &line[1..])).collect();
    let mut continuations = Vec::new();
    let found = cut(text.as_bytes(), Framing { format, join: true }, false, &mut continuations);
    let mut at = 0;
    for line in &lines {
        assert_eq!(line.starts_with('>'), !continuations.contains(&at), "{format}: {line}");
        at += line.len() as u32;
    }
    assert_eq!(found.lines as usize, lines.len());

    continuations.clear();
    let found = cut(text.as_bytes(), Framing { format, join: false }, false, &mut continuations);
    assert_eq!((found.records as usize, continuations.len()), (lines.len(), 0));
}

#[test]
fn java_traces_join() {
    check(
        Format::Timestamped,
        ">2024-01-31 10:00:00,123 ERROR [main] c.e.A - boom
 java.lang.IllegalStateException: no
 \tat c.e.A.b(A.java:1)
 \t... 3 more
 Caused by: java.io.IOException: x
 Suppressed: java.io.IOException: y
 ... 12 more
 com.example.Boom$Inner
>Something else at the margin
>INFO without a time
> INFO flush right: is a start
>  WARN flush right: is a start
     deeper is not
 com.example.very.Deep: path
>www.example.com: not a class
>Error in the system
>Warning: mind the gap
>Exit: left
 DeprecationWarning: old
 KeyboardInterrupt
 ValueError: bad",
    );
}

#[test]
fn traces_between_requests_join() {
    check(
        Format::Access,
        ">10.0.0.1 - - [31/Jan/2024:10:00:00 +0000] \"GET / HTTP/1.1\" 500 0
 Traceback (most recent call last):
   File \"a.py\", line 1, in <module>
 ZeroDivisionError: division by zero
>shop.example:443 10.0.0.1 - - [31/Jan/2024:10:00:00 +0000] \"GET / HTTP/1.1\" 200 0
>Starting",
    );
}

#[test]
fn drawn_traces_join() {
    check(
        Format::Timestamped,
        ">2024-01-31 10:00:00.123 | ERROR    | a:b:1 - boom
 Traceback (most recent call last):
 
 > File \"a.py\", line 1, in <module>
     f(0)
     └ <function f at 0x7f>
 ╭──── Traceback (most recent call last) ────╮
 │ a.py:1 in <module>                        │
 ╰───────────────────────────────────────────╯
 ZeroDivisionError: division by zero
>> quoted
>→ next",
    );
}

#[test]
fn python_go_php_traces_join() {
    check(
        Format::Timestamped,
        ">2024-01-31 10:00:00,123 - app - ERROR - boom
 Traceback (most recent call last):
   File \"a.py\", line 1, in <module>
     raise ValueError(1)
 ValueError: 1
 
 During handling of the above exception, another exception occurred:
 
 requests.exceptions.Timeout: slow
>panic: runtime error: index out of range
 [signal SIGSEGV: segmentation violation code=0x1]
 
 goroutine 12 [running]:
 main.main()
 \t/tmp/x.go:5 +0x1d
 net/http.(*Server).Serve(0xc000010000, 0x1)
 created by main.run in goroutine 1
 exit status 2
>[INFO] next
 Stack trace:
 #0 /srv/a.php(1): f()
 #1 {main}
>call f(x, y) today
>a sentence (with an aside)",
    );
}

#[test]
fn other_formats_join_less() {
    check(
        Format::Json,
        ">{\"a\":1}\n {\n   \"b\": 2\n }\n },\n>Caused by: x\n>{\"c\":3}\n>plain\n ".replace(" {\n", ">{\n").as_str(),
    );
    check(Format::Access, ">10.0.0.1 - - [x\n \tindented\n java.lang.Error: x\n>");
    check(Format::Logfmt, ">a=b c=d\n   indented\n>Traceback (most recent call last):");
    check(
        Format::Syslog3164,
        ">Jan 31 10:00:00 h a: b\n \tindented\n>Feb  1 10:00:00 h a: b\n>May 11 10:00:00 h a: b\n java.lang.Error: x\n>",
    );
    check(
        Format::NginxError,
        ">2024/01/31 10:00:00 [error] 1#1: PHP message: x\n Stack trace:\n #0 a.php(1)\n   thrown in b\n>2024/01/31",
    );
    check(Format::ApacheError, ">[Sun Dec 04 04:47:44 2005] [error] x\n>[Mon Dec 05 04:47:44 2005] [error] x\n   y");
    check(Format::Unknown, ">a\n> b\n>\tc\n>");
    check(Format::Plain, ">a\n> b");
}

#[test]
fn the_first_line_may_be_forced_to_begin() {
    let framing = Framing { format: Format::Timestamped, join: true };
    let text = b"\tat a.b\n\tat c.d\nINFO x\n\tat e\n";
    let mut continuations = Vec::new();
    let found = cut(text, framing, true, &mut continuations);
    assert_eq!(continuations, [8, 23]);
    assert_eq!((found.lines, found.records, found.last_record_start), (4, 2, 16));
    assert_eq!((found.longest_line, found.longest_line_start), (8, 0));
    continuations.clear();
    let found = cut(text, framing, false, &mut continuations);
    assert_eq!((continuations.as_slice(), found.records), ([0, 8, 23].as_slice(), 1));
    assert!(!is_record_start(b"\tat a.b", framing));
}

const SAMPLES: [(Format, &str); 9] = [
    (Format::Json, "{\"time\":\"2024-01-31T10:00:00Z\",\"msg\":\"a\"}\n"),
    (Format::Logfmt, "ts=2024-01-31T10:00:00Z level=info msg=started\n"),
    (Format::Access, "10.0.0.1 - - [31/Jan/2024:10:00:00 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"x\"\n"),
    (Format::NginxError, "2024/01/31 10:00:00 [error] 12#34: *56 message\n"),
    (Format::ApacheError, "[Sun Dec 04 04:47:44 2005] [error] message\n"),
    (Format::Syslog3164, "Jan 31 10:00:00 host app[1]: message\n"),
    (Format::Syslog5424, "<34>1 2024-01-31T10:00:00Z host app 1 - - message\n"),
    (Format::Timestamped, "2024-01-31 10:00:00,123 INFO [main] c.e.A - message\n"),
    (Format::Unknown, "some words without any shape\n"),
];

#[test]
fn every_format_is_detected_from_one_line_and_despite_a_banner() {
    for (format, line) in SAMPLES {
        assert_eq!(detect(line.as_bytes()), format, "{line}");
        let bannered =
            format!("  ____\n Welcome to the server v1.2\n\n{line}{line}{line}\tat a.b\njava.lang.Error: x\n");
        assert_eq!(detect(bannered.as_bytes()), format, "{bannered}");
        // A line that is not complete says nothing.
        assert_eq!(detect(line.trim_end().as_bytes()), Format::Unknown);
    }
    assert_eq!(detect(b""), Format::Unknown);
    assert_eq!(detect(b"{\n  \"a\": 1,\n  \"b\": {\n    \"c\": 2\n  }\n}\n{\n  \"a\": 2\n}\n"), Format::Json);
}

#[test]
fn the_majority_of_a_mixture_wins() {
    for (major, major_line) in &SAMPLES[..8] {
        for (minor, minor_line) in SAMPLES.iter().filter(|(minor, _)| minor != major) {
            let lines: String = (0..30).map(|n| if n % 5 < 2 { *minor_line } else { *major_line }).collect();
            assert_eq!(detect(lines.as_bytes()), *major, "{major} mixed with {minor}");
        }
    }
    // Mostly prose with a time here and there is not recognised.
    let prose: String = (0..30).map(|n| if n % 3 == 0 { SAMPLES[7].1 } else { SAMPLES[8].1 }).collect();
    assert_eq!(detect(prose.as_bytes()), Format::Unknown);
}
