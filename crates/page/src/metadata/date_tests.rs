use super::*;

fn read(written: &str) -> Option<String> {
    iso(written, Order::Unknown)
}

#[test]
fn dates_become_iso() {
    let cases = [
        ("2023-01-05", "2023-01-05"),
        ("20230105", "2023-01-05"),
        ("20230105102030", "2023-01-05T10:20:30"),
        ("2023-01-05T10:20:30", "2023-01-05T10:20:30"),
        ("2023-01-05T10:20", "2023-01-05T10:20:00"),
        (" 2023-01-05 10:20:30Z ", "2023-01-05T10:20:30Z"),
        ("2023-01-05T10:20:30.123+00:00", "2023-01-05T10:20:30Z"),
        ("2023-01-05T10:20:30-0330", "2023-01-05T10:20:30-03:30"),
        ("2023-01-05 10:20:30 +0200", "2023-01-05T10:20:30+02:00"),
        ("2023-01-05T10:20+02", "2023-01-05T10:20:00+02:00"),
        ("Thu, 05 Jan 2023 10:20:30 GMT", "2023-01-05T10:20:30Z"),
        (
            "Thu, 5 Jan 2023 10:20:30 +0100",
            "2023-01-05T10:20:30+01:00",
        ),
        (
            "Thu Jan 05 10:20:30 +0800 2023",
            "2023-01-05T10:20:30+08:00",
        ),
        (
            "Thu Jan 05 2023 10:20:30 GMT+0100 (CET)",
            "2023-01-05T10:20:30+01:00",
        ),
        ("January 5, 2023", "2023-01-05"),
        ("Jan 5, 2023", "2023-01-05"),
        ("Thursday, January 5, 2023", "2023-01-05"),
        ("January 5, 2023 3:04 PM", "2023-01-05T15:04:00"),
        (
            "January 5, 2023 at 3:04 p.m. EST",
            "2023-01-05T15:04:00-05:00",
        ),
        ("5 January 2023", "2023-01-05"),
        ("05-Jan-2023", "2023-01-05"),
        ("2023/01/05", "2023-01-05"),
        ("2023/1/5", "2023-01-05"),
        ("2023/01/05 10:20:30", "2023-01-05T10:20:30"),
        ("20230105T102030Z", "2023-01-05T10:20:30Z"),
        ("2024-02-29T12:00:00+00:00", "2024-02-29T12:00:00Z"),
        ("2023-01-05 10:20:30 UTC", "2023-01-05T10:20:30Z"),
        ("Sept. 5th, 2023 at 12:04am", "2023-09-05T00:04:00"),
        ("1672914030", "2023-01-05T10:20:30Z"),
        ("1672914030123", "2023-01-05T10:20:30Z"),
    ];
    for (written, expected) in cases {
        assert_eq!(read(written).as_deref(), Some(expected), "{written}");
    }
}

#[test]
fn dates_in_words_of_other_languages() {
    let cases = [
        ("5. Januar 2023", "2023-01-05"),
        ("Donnerstag, 5. März 2023, 10:20 Uhr", "2023-03-05T10:20:00"),
        ("1er août 2023 à 10h20", "2023-08-01T10:20:00"),
        ("5 de enero de 2023", "2023-01-05"),
        ("5 gennaio 2023", "2023-01-05"),
        ("5 de março de 2023", "2023-03-05"),
        ("5 mei 2023", "2023-05-05"),
        ("5 maja 2023", "2023-05-05"),
        ("5 января 2023", "2023-01-05"),
        ("2023年1月5日 10:20", "2023-01-05T10:20:00"),
        ("2023년 1월 5일", "2023-01-05"),
        ("05.01.2023", "2023-01-05"),
        ("5.1.23", "2023-01-05"),
    ];
    for (written, expected) in cases {
        assert_eq!(read(written).as_deref(), Some(expected), "{written}");
    }
}

#[test]
fn numbers_alone_are_read_in_the_order_of_the_language() {
    for (order, expected) in [
        (Order::DayFirst, Some("2023-02-01")),
        (Order::MonthFirst, Some("2023-01-02")),
        (Order::Unknown, None),
    ] {
        assert_eq!(iso("01/02/2023", order).as_deref(), expected);
    }
    assert_eq!(
        iso("25/12/2023", Order::MonthFirst).as_deref(),
        Some("2023-12-25")
    );
    assert_eq!(
        iso("12/25/2023", Order::DayFirst).as_deref(),
        Some("2023-12-25")
    );
}

#[test]
fn a_date_is_found_in_a_sentence() {
    let text = "By Mara Tveit | Posted on May 5, 2023 at noon";
    let found = find(text, Order::Unknown).expect("a date");
    assert_eq!(found.iso, "2023-05-05");
    assert_eq!(&text[found.start..found.end], "May 5, 2023");
}

#[test]
fn what_names_no_one_day_is_nothing() {
    for written in [
        "",
        "yesterday",
        "01/02/2023",
        "2023",
        "January 2023",
        "2023-01",
        "2023-13-01",
        "31 February 2023",
        "0001-01-01T00:00:00",
        "version 10.2.30.4",
        "192.168.10.20",
        "5 may",
        "12345678",
    ] {
        assert_eq!(read(written), None, "{written}");
    }
}

#[test]
fn a_time_that_cannot_be_is_left_out() {
    assert_eq!(read("2023-01-05 25:61").as_deref(), Some("2023-01-05"));
}
