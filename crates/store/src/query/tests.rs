use super::*;

fn shown(text: &str) -> String {
    match Query::parse(text) {
        Ok(query) => query.to_string(),
        Err(StoreError::Query { at, reason }) => format!("{at}: {reason}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn understands_what_people_type() {
    for (typed, meant) in [
        ("", "*"),
        ("  ", "*"),
        ("*", "*"),
        ("timeout", "timeout"),
        ("a b", "a b"),
        ("a AND b", "a b"),
        ("a && b || c", "(a b) OR c"),
        ("a b OR c d", "(a b) OR (c d)"),
        ("(a OR b) c", "(a OR b) c"),
        ("a OR (b OR c)", "a OR b OR c"),
        ("-a +b", "NOT a b"),
        ("NOT a", "NOT a"),
        ("NOT(a OR b)", "NOT (a OR b)"),
        ("-(a b)", "NOT (a b)"),
        ("and or not", "and or not"),
        ("ANDROID NOTE", "ANDROID NOTE"),
        (r#""connection reset""#, r#""connection reset""#),
        (r#""say \"x\" C:\n""#, r#""say \"x\" C:\\n""#),
        ("path:/health", r#"path:"/health""#),
        ("-path:/health", r#"NOT path:"/health""#),
        ("status:[500 TO 599] -path:/health", r#"status:[500 TO 599] NOT path:"/health""#),
        ("/health -path:/", r#""/health" NOT path:"/""#),
        ("/var/log/", r#""/var/log/""#),
        ("/usr/bin and /tmp/x", r#""/usr/bin" and "/tmp/x""#),
        ("/time(d )?out/", "/time(d )?out/"),
        (r"/a\/b/", r"/a\/b/"),
        ("path:/api.v[0-9]/", "path:/api.v[0-9]/"),
        ("10.0.0.1:8080", r#""10.0.0.1:8080""#),
        ("[ERROR]", r#""[ERROR]""#),
        ("http://x/y?z", r"http\:\/\/x\/y?z"),
        ("std::io::Error", r#""std::io::Error""#),
        ("a:b:c", r#"a:"b:c""#),
        ("12:30:05", r#""12:30:05""#),
        ("Caused by:", r#"Caused "by:""#),
        ("--verbose -> - +", r#""--verbose" "->" "-" "+""#),
        ("level:>=warn", "level:[warn TO *]"),
        ("took:>1.5", "took:{1.5 TO *]"),
        ("took:<=2", "took:[* TO 2]"),
        ("a:{1 TO *]", "a:{1 TO *]"),
        (r#"t:["a b" TO "c]"}"#, r#"t:["a b" TO "c]"}"#),
        ("msg:[ERROR]", r#"msg:"[ERROR]""#),
        ("trace_id:*", "trace_id:*"),
        ("user:=ann", "user:=ann"),
        (r#"user:="ann lee""#, r#"user:="ann lee""#),
        ("user:\"\"", r#"user:"""#),
        ("user:(ann OR bob)", "user:ann OR user:bob"),
        ("user:(ann -bob x:y)", "user:ann NOT user:bob x:y"),
        ("time*out *abc* t?m abc*", "time*out *abc* t?m abc*"),
        (r"\*x", r#""*x""#),
        (r"C:\logs", r#"C:"\\logs""#),
        (r"a\:b", r#""a:b""#),
        ("connect(3) f(a)", r#""connect(3)" "f(a)""#),
        ("(x AND bar(3))", r#"x "bar(3)""#),
        (r#"msg="two words" z"#, r#""msg=\"two words\"" z"#),
        (r#"{"level":"error"}"#, r#""{\"level\":\"error\"}""#),
        (r#""level":"error""#, r#""\"level\":\"error\"""#),
        ("größe:5 naïve", "größe:5 naïve"),
        ("@timestamp:x $v:1 a.b-c:2", "@timestamp:x $v:1 a.b-c:2"),
        ("time:2024-05-01", "time:2024-05-01"),
        ("level:err*", "level:err*"),
        ("a AND NOT b", "a NOT b"),
        ("50% #12 a=b key=", r##"50% "#12" "a=b" "key=""##),
        ("it's", r#""it's""#),
    ] {
        assert_eq!(shown(typed), meant, "{typed}");
        assert_eq!(shown(meant), meant, "shown of {typed}");
    }
}

#[test]
fn says_where_it_does_not_understand() {
    for (typed, at, part) in [
        ("a OR", 4, "missing here"),
        ("OR a", 0, "missing before this"),
        ("a AND OR b", 6, "missing before this"),
        ("(a", 0, "never closed"),
        ("x (a (b)", 2, "never closed"),
        ("a)", 1, "closes nothing"),
        ("a ) b", 2, "closes nothing"),
        ("()", 1, "missing before this )"),
        ("x \"abc", 2, "never closed"),
        ("k=\"abc", 2, "never closed"),
        ("ä /x(/", 2, "regular expression is wrong"),
        ("status:[500 599]", 7, "a range is written"),
        ("status:[500 TO 599", 18, "not closed"),
        ("status:[ TO 599]", 12, "TO is missing"),
        ("status:[500 TO ]", 15, "upper end"),
        ("took:>", 6, "missing here"),
        ("level:loud", 0, "not a level"),
        ("x level:>loud", 9, "not a level"),
        ("time:yesterday", 0, "not a time"),
        ("level: error", 6, "right behind the colon"),
        ("a\\ b*", 0, "do not go over spaces"),
        ("NOT", 3, "missing here"),
    ] {
        match Query::parse(typed) {
            Err(StoreError::Query { at: found, reason }) => {
                assert!(reason.contains(part), "{typed}: {reason}");
                assert_eq!(found, at, "{typed}: {reason}");
            }
            other => panic!("{typed}: {other:?}"),
        }
    }
    assert!(Query::parse(&"(".repeat(5000)).is_err() && Query::parse(&"a ".repeat(5000)).is_err());
    assert!(Query::parse(&"NOT ".repeat(5000)).is_err() && Query::parse(&"x".repeat(50_000)).is_err());
}
