//! The handbook says what is true of the program.

use clap::CommandFactory as _;

use super::{all, text};
use crate::cli::Cli;
use crate::exit::Exit;
use crate::settings::row::{Area, Row};
use crate::settings::table;

const SETTINGS: &str = "reference/settings.html";
const BEGIN: &str = "<!-- settings -->\n";
const END: &str = "<!-- /settings -->";

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn table_row(row: &Row) -> String {
    let code = |text: &str| if text.is_empty() { String::new() } else { format!("<code>{}</code>", escaped(text)) };
    let mut help = escaped(row.help.trim());
    if !row.unit.is_empty() {
        help.push_str(&format!(" ({})", row.unit));
    }
    for alias in row.aliases {
        help.push_str(&format!("; also <code>{alias}</code>"));
    }
    format!("<tr><td>{}</td><td>{}</td><td>{help}</td></tr>\n", code(row.name), code(row.default))
}

fn tables() -> String {
    let head = "<table>\n<thead>\n<tr><th scope=\"col\">Setting</th><th scope=\"col\">Default</th><th scope=\"col\">What it does</th></tr>\n</thead>\n<tbody>\n";
    let mut html = String::new();
    for area in Area::ALL {
        let id = area.title().to_lowercase().replace(", ", "-").replace(' ', "-");
        html.push_str(&format!("<h3 id=\"{id}\">{}</h3>\n{head}", area.title()));
        html.extend(table::rows().filter(|row| row.area == area).map(table_row));
        html.push_str("</tbody>\n</table>\n");
    }
    html
}

#[test]
fn the_settings_page_holds_every_setting() {
    let actual = text(SETTINGS);
    let (before, rest) = actual.split_once(BEGIN).expect("the page has a <!-- settings --> line");
    let (_, after) = rest.split_once(END).expect("the page has a <!-- /settings --> line");
    let expected = format!("{before}{BEGIN}{}{END}{after}", tables());
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample-site");
        std::fs::write(folder.join(SETTINGS), expected).unwrap();
    } else {
        assert!(actual == expected, "{SETTINGS} is behind the settings: run UPDATE_DOCS=1 cargo test -p docmill --lib");
    }
}

#[test]
fn every_setting_that_a_page_names_is_one() {
    for path in super::pages().into_keys() {
        for name in all(r"\b([A-Z][A-Z0-9]+_[A-Z0-9_]+[A-Z0-9])\b", &text(&path)) {
            // The network library's own, and the tests'.
            let is_known = table::find(name).is_some() || name == "HTTPS_PROXY" || name == "UPDATE_DOCS";
            assert!(is_known, "{path} names {name}");
        }
    }
}

#[test]
fn the_commands_page_has_every_command_and_flag() {
    let page = text("reference/commands.html");
    let sheet = text("reference/commands-print.html");
    let cli = Cli::command();
    let named: Vec<&str> = all(r#"<h2 id="([a-z]+)">"#, &page);
    let commands: Vec<&str> = cli.get_subcommands().map(clap::Command::get_name).collect();
    assert_eq!(named, commands);
    for command in std::iter::once(&cli).chain(cli.get_subcommands()) {
        for flag in command.get_arguments().filter(|flag| !flag.is_hide_set()) {
            let long = flag.get_long().filter(|_| flag.get_short().is_none());
            let name = long.map(|long| format!("--{long}")).or(flag.get_short().map(|short| format!("-{short}")));
            let Some(name) = name else { continue };
            assert!(page.contains(&format!("<code>{name}")), "{}: {name}", command.get_name());
            assert!(sheet.contains(&name), "{}: {name}", command.get_name());
        }
    }
}

#[test]
fn the_exit_codes_are_the_programs() {
    let page = text("reference/exit-codes.html");
    let codes: Vec<u8> =
        all(r#"<tr id="code-\d+"><td>(\d+)</td>"#, &page).iter().map(|code| code.parse().unwrap()).collect();
    let all =
        [Exit::Done, Exit::WithErrors, Exit::Usage, Exit::Unavailable, Exit::GaveUp, Exit::Stopped, Exit::Settings];
    assert_eq!(codes, all.map(Exit::code));
}
