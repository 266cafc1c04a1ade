//! `docmill dead list`.

use std::fmt::Write as _;

use docmill_stages::dead::{self, Picked};
use docmill_stages::failure::one_line;
use docmill_stages::ledger::DeadItem;
use serde_json::json;

use super::super::Refusal;
use super::super::show::print;
use super::{of_state, open_ledger, selection};
use crate::cli::DeadListArgs;
use crate::exit::Exit;
use crate::progress::summary::folder_flag;
use crate::settings::Settings;

pub(super) fn list(settings: &Settings, args: &DeadListArgs) -> Result<Exit, Refusal> {
    let folder = &settings.storage.data_dir;
    let db = open_ledger(folder)?;
    let failed = of_state(folder);
    // One transaction, so that the count and the list are of one moment.
    let snapshot = db.unchecked_transaction().map_err(|error| failed(error.into()))?;
    let (mut count, mut listed) = (0_usize, Vec::new());
    dead::each(&snapshot, &Picked::Selected(selection(&args.filter)), |item| {
        count += 1;
        if listed.len() < args.limit {
            listed.push(item);
        }
        Ok(())
    })
    .map_err(failed)?;
    if args.json {
        return Ok(print(&format!("{}\n", json!({ "count": count, "dead": listed }))));
    }
    Ok(print(&text_of(count, &listed, &folder_flag(folder))))
}

fn text_of(count: usize, listed: &[DeadItem], folder: &str) -> String {
    let mut text = String::new();
    for item in listed {
        let died = item.died_at.as_deref().unwrap_or("at an unknown time");
        // Writing to a text cannot fail.
        let _never_fails = writeln!(
            text,
            "{}  {}  {} at the {}, {died}\n    {}",
            item.key,
            one_line(&item.url, 500),
            one_line(&item.kind, 60),
            one_line(&item.stage, 60),
            one_line(&item.error, 500)
        );
    }
    let more = count - listed.len();
    if more > 0 {
        text.push_str(&format!("and {more} more; --limit N lists as many\n"));
    }
    text.push_str(&match count {
        0 => "nothing is dead that matches\n".to_owned(),
        _ => {
            format!("{count} dead; docmill dead show KEY{folder} says all of one, docmill dead replay KEY{folder} tries it again\n")
        }
    });
    text
}
