//! The text form: what each part means, and that it comes back.

use proptest::prelude::*;
use wire::{Condition, Edit, Edits, Operation, Positions, Span};

#[track_caller]
fn read(text: &str) -> Vec<Edit> {
    match text.parse::<Edits>() {
        Ok(edits) => edits.0,
        Err(error) => panic!("{text:?}: {error}"),
    }
}

#[test]
fn each_part_means_what_the_documentation_says() {
    let hook = "blocks.3.hook_resid_post";
    let one = |operation| Edit::new(hook, 1234, operation);
    for (text, operation) in [
        ("=0", Operation::Set(0.0)),
        ("=1.5", Operation::Set(1.5)),
        ("=-2", Operation::Set(-2.0)),
        ("=1e-3", Operation::Set(1e-3)),
        ("=*2", Operation::Scale(2.0)),
        ("=x2", Operation::Scale(2.0)),
        ("=*-1", Operation::Scale(-1.0)),
        ("=+2x", Operation::Add(2.0)),
        ("=+2", Operation::Add(2.0)),
        ("=+-2x", Operation::Add(-2.0)),
    ] {
        assert_eq!(
            read(&format!("{hook}:1234{text}")),
            [one(operation)],
            "{text}"
        );
    }
    let spans: [(&str, &[Span]); 5] = [
        ("@5", &[Span::one(5)]),
        ("@5,7", &[Span::one(5), Span::one(7)]),
        ("@5..", &[Span::starting_at(5)]),
        (
            "@5..9",
            &[Span {
                first: 5,
                end: Some(9),
            }],
        ),
        ("@none", &[]),
    ];
    for (text, spans) in spans {
        let expected = Edit {
            positions: Some(Positions(spans.to_vec())),
            ..one(Operation::Add(2.0))
        };
        assert_eq!(
            read(&format!("{hook}:1234=+2x{text}")),
            [expected],
            "{text}"
        );
    }
    let conditional = Edit {
        positions: Some(Positions::starting_at(5)),
        when: Some(Condition {
            sae: "blocks.1.hook_resid_post".to_owned(),
            latent: 77,
            above: 0.5,
        }),
        on: false,
        ..one(Operation::Set(0.0))
    };
    let text = format!("!{hook}:1234=0@5..?blocks.1.hook_resid_post:77>0.5");
    assert_eq!(read(&text), [conditional]);
}

#[test]
fn lists_are_lines_or_divided_by_semicolons() {
    let one = Edit::set("a", 1, 0.0);
    let other = Edit::new("b.c/d", 2, Operation::Scale(2.0));
    for text in [
        "a:1=0;b.c/d:2=*2",
        "a:1=0\nb.c/d:2=*2\n",
        "\r\n;; a : 1 = 0 ;\t\n b.c/d:2 = * 2 ;",
    ] {
        assert_eq!(read(text), [one.clone(), other.clone()], "{text:?}");
    }
    assert!(read("").is_empty());
    assert!(read(" ;\n").is_empty());
    assert_eq!("a:1=0".parse::<Edit>().unwrap(), one);
}

#[test]
fn positions_of_a_range_end_before_its_second_number() {
    let edits = read("a:1=0@2..4,7..");
    let positions = edits[0].positions.as_ref().unwrap();
    let held: Vec<u32> = (0..10).filter(|at| positions.contains(*at)).collect();
    assert_eq!(held, [2, 3, 7, 8, 9]);
    assert!(positions.contains(u32::MAX));
}

#[test]
fn parts_are_read_by_themselves() {
    let positions: Positions = "5,7..9,12..".parse().unwrap();
    assert_eq!(read("a:1=0@5,7..9,12..")[0].positions, Some(positions));
    let target: wire::Target = "\"my sae\":903".parse().unwrap();
    assert_eq!((target.sae.as_str(), target.latent), ("my sae", 903));
    assert_eq!("5;".parse::<Positions>().unwrap_err().column, 2);
    assert_eq!("a:1=0".parse::<wire::Target>().unwrap_err().column, 4);
}

#[test]
fn names_with_other_characters_stand_in_quotation_marks() {
    for name in [
        "my sae",
        "a:b=c@d?e;f",
        "say \"hi\" \\ \n",
        "",
        "née.été",
        "!off",
    ] {
        let edit = Edit::set(name, 3, 1.0);
        let text = edit.to_string();
        assert_eq!(read(&text), [edit], "{text}");
    }
    assert_eq!(read("née.été:3=1"), read("\"née.été\":3=1"));
}

pub fn number() -> impl Strategy<Value = f32> {
    prop_oneof![
        Just(0.0_f32),
        Just(1e6),
        Just(f32::from_bits(1)),
        -1e6_f32..=1e6,
        any::<f32>().prop_filter("within the bound", |value| value.abs() <= 1e6),
    ]
}

fn positions() -> impl Strategy<Value = Positions> {
    let span = prop_oneof![
        (0..u32::MAX).prop_map(Span::one),
        any::<u32>().prop_map(Span::starting_at),
        (any::<u32>(), 1..100_u32).prop_filter_map("a range", |(first, length)| {
            let end = first.checked_add(length)?;
            Some(Span {
                first,
                end: Some(end),
            })
        }),
    ];
    prop::collection::vec(span, 0..4).prop_map(Positions)
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9._/-]{1,20}", any::<String>()]
}

pub fn edit() -> impl Strategy<Value = Edit> {
    let operation = number().prop_flat_map(|value| {
        prop::sample::select(vec![
            Operation::Set(value),
            Operation::Add(value),
            Operation::Scale(value),
        ])
    });
    let when = (name(), any::<u32>(), number());
    let when = when.prop_map(|(sae, latent, above)| Condition { sae, latent, above });
    let when = prop::option::of(when);
    let rest = (prop::option::of(positions()), when, any::<bool>());
    (name(), any::<u32>(), operation, rest).prop_map(
        |(sae, latent, operation, (positions, when, on))| Edit {
            positions,
            when,
            on,
            ..Edit::new(&sae, latent, operation)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(edits in prop::collection::vec(edit(), 0..4)) {
        let edits = Edits(edits);
        let text = edits.to_string();
        let again: Edits = text.parse().map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        prop_assert_eq!(&again, &edits, "{}", text);
        prop_assert_eq!(again.to_string(), text);
    }

    #[test]
    fn any_text_is_read_or_refused_with_a_place_in_it(text in "[ab\"\\\\:=@?>;!.,0-9x+*\\-e\né]{0,40}") {
        match text.parse::<Edits>() {
            Ok(edits) => {
                let written = edits.to_string();
                prop_assert_eq!(written.parse::<Edits>().unwrap(), edits, "{}", written);
            }
            Err(error) => {
                prop_assert!(text.is_char_boundary(error.at), "{:?}", error);
                prop_assert!(error.to_string().ends_with('^'));
            }
        }
    }
}

#[test]
fn positions_are_compared_and_moved() {
    let read = |text: &str| text.parse::<Positions>().unwrap();
    for (one, two, both) in [
        ("5", "5", true),
        ("5", "6", false),
        ("5..9", "8..", true),
        ("5..9", "9..", false),
        ("3..", "7..", true),
        ("none", "0..", false),
        ("1,4..6", "5", true),
    ] {
        assert_eq!(read(one).overlaps(&read(two)), both, "{one} {two}");
        assert_eq!(read(two).overlaps(&read(one)), both, "{two} {one}");
    }
    assert_eq!(read("5,7..9").last(), Some(8));
    assert_eq!(read("5..").last(), None);
    assert_eq!(read("0,5,7..9,3..").shifted(1), read("1,6,8..10,4.."));
    // The first token goes, and what stood there alone.
    assert_eq!(read("0,5,0..3,0..").shifted(-1), read("4,0..2,0.."));
    assert_eq!(
        [5, 7, 8, 9, 3].into_iter().collect::<Positions>(),
        read("5,7..10,3")
    );
}
