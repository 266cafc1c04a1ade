//! One row per setting: what flags, `.env` reading, `docmill config` and the
//! README's table are made of; and the macro that writes rows and the typed
//! struct of an area from the same lines.

use super::parse::Parsed;

/// What a group of settings is about; the README has a table for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// The graph that documents are loaded into too.
    Neo4j,
    /// Modes, limits and retries of the pipeline.
    Pipeline,
    /// How many actors each stage has.
    Actors,
    /// Where data goes.
    Storage,
    /// What is logged.
    Log,
    /// What is fetched, and how politely.
    Crawl,
    /// From raw items to Markdown.
    Process,
    /// From Markdown to chunks.
    Chunk,
    /// From chunks to vectors.
    Embed,
    /// Known, for parts that are yet to come.
    Later,
}

impl Area {
    /// All areas, in the order in which they are shown.
    pub const ALL: [Area; 10] = [
        Area::Crawl,
        Area::Process,
        Area::Chunk,
        Area::Embed,
        Area::Storage,
        Area::Neo4j,
        Area::Pipeline,
        Area::Actors,
        Area::Log,
        Area::Later,
    ];

    /// The area's heading.
    pub fn title(self) -> &'static str {
        match self {
            Area::Pipeline => "Pipeline",
            Area::Actors => "Actors",
            Area::Storage => "Storage",
            Area::Neo4j => "Neo4j",
            Area::Log => "Log",
            Area::Crawl => "Crawl",
            Area::Process => "Process",
            Area::Chunk => "Chunk",
            Area::Embed => "Embed",
            Area::Later => "Known, not used yet",
        }
    }
}

/// A setting.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The name in flags, the environment and `.env`.
    pub name: &'static str,
    /// Other names for the same, such as docs2vector's.
    pub aliases: &'static [&'static str],
    /// What it is about.
    pub area: Area,
    /// The default as a person would write it; empty where there is none.
    pub default: &'static str,
    /// Unit of a plain number; empty where there is none.
    pub unit: &'static str,
    /// Whether the value must never be shown.
    pub secret: bool,
    /// What it does, in a line.
    pub help: &'static str,
    /// Whether a text would be taken, and if not, what would be right.
    pub check: fn(&str) -> Parsed<()>,
}

/// Writes an area's struct, its rows and its reader from one line a setting:
/// the doc comment is the help, then
/// `field: Type = "NAME" | "ALIAS" [secret], "default", "unit", parser;`.
macro_rules! settings {
    (
        $(#[doc = $about:literal])+
        $area:ident => $Struct:ident {
            $(
                $(#[doc = $help:literal])+
                $field:ident: $Type:ty = $NAME:literal $(| $alias:literal)* $([$secret:ident])?,
                    $default:expr, $unit:literal, $parse:expr;
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone)]
        pub struct $Struct {
            $( $(#[doc = $help])+ pub $field: $Type, )+
        }

        impl $Struct {
            /// The area's settings.
            pub const ROWS: &'static [$crate::settings::row::Row] = &[
                $( $crate::settings::row::Row {
                    name: $NAME,
                    aliases: &[$($alias),*],
                    area: $crate::settings::row::Area::$area,
                    default: $default,
                    unit: $unit,
                    secret: !concat!("" $(, stringify!($secret))?).is_empty(),
                    help: concat!($($help),+),
                    check: |text| { let parsed: $crate::settings::parse::Parsed<$Type> = $parse(text); parsed.map(drop) },
                } ),+
            ];

            /// Reads them all, and only then looks whether any was bad: the
            /// collector has every error, and gives nothing if there is one.
            pub(crate) fn read(collector: &mut $crate::settings::collect::Collector<'_>) -> Option<Self> {
                let mut rows = Self::ROWS.iter();
                $( let $field: Option<$Type> = rows.next().and_then(|row| collector.read(row, $parse)); )+
                Some(Self { $( $field: $field?, )+ })
            }
        }
    };
}

pub(crate) use settings;
