use proptest::prelude::*;

use super::*;

fn edge(from: usize, to: usize) -> Edge {
    Edge {
        from,
        to,
        weight: 1.0,
    }
}

fn settled(ids: &[u32], edges: &[Edge], seed: u64) -> Vec<Vec3> {
    let mut layout = Layout::new(seed);
    layout.update(ids, edges).unwrap();
    while layout.step() {}
    layout.places().collect()
}

#[test]
fn it_comes_to_rest_and_what_is_linked_is_near() {
    // Two rings of ten nodes, one edge between them.
    let ring = |first: usize| (0..10).map(move |at| edge(first + at, first + (at + 1) % 10));
    let edges: Vec<Edge> = ring(0).chain(ring(10)).chain([edge(0, 10)]).collect();
    let ids: Vec<u32> = (0..20).collect();
    let mut layout = Layout::new(1);
    layout.update(&ids, &edges).unwrap();
    let mut steps = 0;
    while layout.step() {
        steps += 1;
    }
    assert!((200..400).contains(&steps), "{steps}");
    let places: Vec<Vec3> = layout.places().collect();
    let middle = |nodes: std::ops::Range<usize>| {
        places[nodes.clone()].iter().sum::<Vec3>() / nodes.len() as f32
    };
    let apart = middle(0..10).distance(middle(10..20));
    let within: f32 = edges[..10]
        .iter()
        .map(|edge| places[edge.from].distance(places[edge.to]))
        .sum::<f32>()
        / 10.0;
    assert!(within < apart, "{within} {apart}");
    assert!(!layout.step(), "it is at rest");
}

#[test]
fn the_same_seed_gives_the_same_layout_and_another_one_another() {
    let ids = [3, 8, 900, 41];
    let edges = [edge(0, 1), edge(1, 2)];
    assert_eq!(settled(&ids, &edges, 5), settled(&ids, &edges, 5));
    assert_ne!(settled(&ids, &edges, 5), settled(&ids, &edges, 6));
}

#[test]
fn what_was_there_stays_where_it_is() {
    let mut layout = Layout::new(2);
    layout.update(&[1, 2, 3], &[edge(0, 1)]).unwrap();
    while layout.step() {}
    let before: Vec<Vec3> = layout.places().collect();
    layout.update(&[3, 7, 1], &[edge(0, 1)]).unwrap();
    let after: Vec<Vec3> = layout.places().collect();
    assert_eq!((after[0], after[2]), (before[2], before[0]));
    assert!(
        after[1].distance(after[0]) < 2.0 * LENGTH,
        "a new node begins beside its neighbour"
    );
    assert!(layout.is_warm());
    while layout.step() {}
    layout.update(&[3, 7, 1], &[edge(0, 1)]).unwrap();
    assert!(!layout.is_warm(), "the same graph changes nothing");
}

#[test]
fn a_fixed_node_does_not_move() {
    let mut layout = Layout::new(2);
    layout.update(&[1, 2], &[edge(0, 1)]).unwrap();
    layout.fix(2, true);
    let before: Vec<Vec3> = layout.places().collect();
    while layout.step() {}
    let after: Vec<Vec3> = layout.places().collect();
    assert_eq!(after[1], before[1]);
    assert_ne!(after[0], before[0]);
    layout.fix(77, true);
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let mut layout = Layout::new(2);
    layout.update(&[1, 2], &[edge(0, 1)]).unwrap();
    let weight = |weight| {
        [Edge {
            weight,
            ..edge(0, 1)
        }]
    };
    for (refused, words) in [
        (
            layout.update(&[1, 2], &weight(f32::NAN)),
            "weight of edge 0 is NaN",
        ),
        (layout.update(&[1, 2], &weight(f32::INFINITY)), "inf"),
        (layout.update(&[1, 2], &weight(-1.0)), "must be 0 or more"),
        (
            layout.update(&[1, 2], &[edge(0, 2)]),
            "edge 0 names node 2, and there are 2 nodes",
        ),
        (layout.update(&[4, 4], &[]), "node id 4 stands twice"),
    ] {
        let said = refused.unwrap_err().to_string();
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(layout.ids(), [1, 2]);
}

proptest! {
    #[test]
    fn places_are_always_finite(
        nodes in 1usize..60,
        ends in proptest::collection::vec((any::<u16>(), any::<u16>(), 0f32..1e30), 0..120),
        seed: u64,
        changes in proptest::collection::vec(1usize..60, 0..4),
    ) {
        let mut layout = Layout::new(seed);
        for nodes in std::iter::once(nodes).chain(changes) {
            let ids: Vec<u32> = (0..nodes as u32).map(|id| id * 7).collect();
            let edges: Vec<Edge> = ends
                .iter()
                .map(|(from, to, weight)| Edge { from: *from as usize % nodes, to: *to as usize % nodes, weight: *weight })
                .collect();
            layout.update(&ids, &edges).unwrap();
            for _ in 0..30 {
                layout.step();
                prop_assert!(layout.places().all(Vec3::is_finite));
            }
        }
    }
}
