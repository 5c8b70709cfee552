//! Features of the elements around a block, and of what repeats among them.

use super::containers::Container;
use super::context::Context;
use super::features::{Sink, flag, log, share};

pub(super) fn around(
    context: &Context<'_>,
    home: u32,
    container: &Container,
    sink: &mut impl Sink,
) {
    let mut it = container;
    let mut best = it.score;
    for (level, names) in [
        ["s1_words", "s1_links", "s1_mean", "s1_stops"],
        ["s2_words", "s2_links", "s2_mean", "s2_stops"],
        ["s3_words", "s3_links", "s3_mean", "s3_stops"],
        ["s4_words", "s4_links", "s4_mean", "s4_stops"],
        ["s5_words", "s5_links", "s5_mean", "s5_stops"],
    ]
    .into_iter()
    .enumerate()
    {
        it = context.container(it.parent).unwrap_or(it);
        if level < 3 {
            best = best.max(it.score);
        }
        sink.put(names[0], log(it.sums.words as f32));
        sink.put(names[1], it.sums.link_density());
        sink.put(names[2], it.sums.words_a_block());
        sink.put(names[3], it.sums.stops_a_word());
    }
    let total = context.total.words as f32;
    let place = &context.places[home as usize];
    for (at, names) in [
        (
            place.half,
            [
                "s_half",
                "s_half_links",
                "s_half_mean",
                "s_half_long",
                "s_half_heads",
            ],
        ),
        (
            place.small,
            [
                "s_small",
                "s_small_links",
                "s_small_mean",
                "s_small_long",
                "s_small_heads",
            ],
        ),
    ] {
        let sums = &context.page.containers[at as usize].sums;
        sink.put(names[0], share(sums.words as f32, total));
        sink.put(names[1], sums.link_density());
        sink.put(names[2], sums.words_a_block());
        sink.put(names[3], sums.long_share());
        sink.put(names[4], share(sums.headings as f32, sums.blocks as f32));
    }
    sink.put("s_in_top", flag(place.in_top));
    sink.put("s_score", share(best, context.top_score));
    let top = context.top.map(|top| &context.page.containers[top]);
    sink.put(
        "s_top",
        top.map_or(0.0, |top| share(top.sums.words as f32, total)),
    );
    sink.put("s_top_depth", top.map_or(0.0, |top| f32::from(top.depth)));
}

pub(super) fn branches(context: &Context<'_>, home: u32, sink: &mut impl Sink) {
    let place = &context.places[home as usize];
    let total = context.total.words as f32;
    for (branch, names) in [
        (
            place.branch,
            [
                "b_words", "b_links", "b_mean", "b_long", "b_common", "b_depth",
            ],
        ),
        (
            place.heading_branch,
            [
                "h_words", "h_links", "h_mean", "h_long", "h_common", "h_depth",
            ],
        ),
    ] {
        let branch = &context.page.containers[branch as usize];
        let common = context.container(branch.parent).unwrap_or(branch);
        sink.put(names[0], share(branch.sums.words as f32, total));
        sink.put(names[1], branch.sums.link_density());
        sink.put(names[2], branch.sums.words_a_block());
        sink.put(names[3], branch.sums.long_share());
        sink.put(names[4], share(common.sums.words as f32, total));
        sink.put(names[5], f32::from(common.depth));
    }
}

pub(super) fn repetition(context: &Context<'_>, home: u32, at: usize, sink: &mut impl Sink) {
    let place = &context.places[home as usize];
    let total = context.total.words as f32;
    for (item, names) in [
        (
            place.item,
            [
                "r_in",
                "r_in_mean",
                "r_in_links",
                "r_in_share",
                "r_in_words",
            ],
        ),
        (
            place.outer_item,
            [
                "r_out",
                "r_out_mean",
                "r_out_links",
                "r_out_share",
                "r_out_words",
            ],
        ),
    ] {
        let Some(container) = context.container(item) else {
            names.into_iter().for_each(|name| sink.put(name, -1.0));
            continue;
        };
        let group = context.siblings.of(item as usize);
        sink.put(names[0], log(group.count as f32));
        sink.put(names[1], log(group.mean_words()));
        sink.put(names[2], group.link_density());
        sink.put(names[3], share(group.words as f32, total));
        sink.put(names[4], log(container.sums.words as f32));
    }
    let outer = context.container(place.outer_item);
    let list = outer.and_then(|outer| context.container(outer.parent));
    let count = outer.map_or(1.0, |_| {
        context.siblings.of(place.outer_item as usize).count as f32
    });
    let heads = outer.map(|it| share(it.sums.headings as f32, it.sums.blocks as f32));
    sink.put("r_out_heads", heads.unwrap_or(-1.0));
    sink.put(
        "r_out_prices",
        list.map_or(-1.0, |it| it.sums.prices as f32 / count),
    );
    sink.put(
        "r_out_dates",
        list.map_or(-1.0, |it| it.sums.dates as f32 / count),
    );
    let path = context.paths.of(at);
    sink.put("r_path", log(path.count as f32));
    sink.put("r_path_mean", path.mean_words());
    sink.put("r_path_links", path.link_density());
    sink.put("r_path_share", share(path.words as f32, total));
    sink.put("r_text", context.texts.of(at).count.min(5) as f32);
}
