//! Tables. One whose cells hold what a Markdown cell cannot (code of several
//! lines, headings, tables) is written cell after cell, so nothing is lost.

use super::Walk;
use super::inline::{Place, Run};
use crate::process::chrome::heading_level;
use crate::process::content::is_block;
use crate::process::dom::NodeId;

/// A cell spans no more columns or rows than this.
const SPAN_MAX: usize = 32;
/// A table has no more columns than this; what is beyond goes into the last.
const COLUMNS_MAX: usize = 256;

impl Walk<'_> {
    pub(super) fn table(&mut self, table: NodeId) {
        let rows = self.rows(table);
        for part in self.parts(table, "caption") {
            self.blocks(part);
        }
        if self.is_layout(table, &rows) {
            for cell in rows.into_iter().flatten() {
                self.blocks(cell);
            }
            return;
        }
        let grid = self.grid(&rows);
        let columns = grid.iter().map(Vec::len).max().unwrap_or(0);
        if columns == 0 || grid.iter().flatten().all(String::is_empty) {
            return;
        }
        let has_header = rows.first().is_some_and(|row| self.is_header(row));
        let mut lines = grid.into_iter();
        let header = if has_header { lines.next().unwrap_or_default() } else { Vec::new() };
        self.out.begin();
        self.table_row(header.iter().map(String::as_str).chain(std::iter::repeat("")).take(columns));
        self.out.next_line(false);
        self.out.push("|");
        for _ in 0..columns {
            self.out.push(" --- |");
        }
        for row in lines.filter(|row| !row.iter().all(String::is_empty)) {
            self.out.next_line(false);
            // Cells that a row lacks are empty ones.
            self.table_row(row.iter().map(String::as_str));
        }
        self.last_list = None;
    }

    fn table_row<'t>(&mut self, cells: impl Iterator<Item = &'t str>) {
        self.out.push("|");
        for cell in cells {
            self.out.push(" ");
            self.out.push(cell);
            self.out.push(if cell.is_empty() { "|" } else { " |" });
        }
    }

    /// The table's own parts of one kind, not those of tables inside it.
    fn parts(&self, table: NodeId, tag: &str) -> Vec<NodeId> {
        let mut parts = Vec::new();
        let mut at = self.dom.after(table, table, true);
        while let Some(id) = at {
            let is_part = self.dom.tag(id) == tag;
            let is_left_out = self.is_left_out(id);
            if is_part && !is_left_out {
                parts.push(id);
            }
            let leads_on = matches!(self.dom.tag(id), "thead" | "tbody" | "tfoot");
            at = self.dom.after(id, table, leads_on && !is_left_out);
        }
        parts
    }

    fn rows(&self, table: NodeId) -> Vec<Vec<NodeId>> {
        let rows = self.parts(table, "tr").into_iter();
        rows.map(|row| {
            let cells = self.dom.children(row).filter(|&cell| matches!(self.dom.tag(cell), "td" | "th"));
            cells.filter(|&cell| !self.is_left_out(cell)).collect()
        })
        .collect()
    }

    fn is_layout(&self, table: NodeId, rows: &[Vec<NodeId>]) -> bool {
        let is_said = matches!(self.dom.attribute(table, "role"), Some("presentation" | "none"));
        let cells = rows.iter().flatten();
        is_said || cells.clone().count() <= 1 || cells.clone().any(|&cell| self.is_too_rich(cell))
    }

    /// Whether a cell holds what no Markdown cell can.
    fn is_too_rich(&self, cell: NodeId) -> bool {
        if !self.holds_block(cell) {
            return false;
        }
        let mut at = self.dom.after(cell, cell, true);
        while let Some(id) = at {
            let tag = self.dom.tag(id);
            let is_left_out = self.is_left_out(id);
            let is_rich = matches!(tag, "table" | "dl" | "blockquote")
                || heading_level(tag).is_some()
                || (tag == "pre" && self.code_text(id).trim_end().contains('\n'));
            if is_rich && !is_left_out {
                return true;
            }
            at = self.dom.after(id, cell, !is_left_out && tag != "pre");
        }
        false
    }

    fn is_header(&self, row: &[NodeId]) -> bool {
        let in_head = row.first().and_then(|&cell| self.dom.ancestors(cell).nth(1));
        in_head.is_some_and(|above| self.dom.tag(above) == "thead")
            || (!row.is_empty() && row.iter().all(|&cell| self.dom.tag(cell) == "th"))
    }

    /// The cells' text in columns; what a cell spans beside itself is empty.
    fn grid(&mut self, rows: &[Vec<NodeId>]) -> Vec<Vec<String>> {
        let mut grid = Vec::with_capacity(rows.len());
        // By column: how many further rows a cell above reaches into.
        let mut reach: Vec<usize> = Vec::new();
        for row in rows {
            let mut line: Vec<String> = Vec::with_capacity(row.len());
            for &cell in row {
                self.skip_reached(&mut line, &mut reach);
                let text = self.cell_text(cell);
                if line.len() >= COLUMNS_MAX {
                    if let Some(last) = line.last_mut() {
                        last.push(' ');
                        last.push_str(&text);
                    }
                    continue;
                }
                let (width, height) = (self.span(cell, "colspan"), self.span(cell, "rowspan"));
                let start = line.len();
                line.push(text);
                line.resize((start + width).min(COLUMNS_MAX), String::new());
                if height > 1 {
                    reach.resize(reach.len().max(line.len()), 0);
                    reach[start..line.len()].fill(height - 1);
                }
            }
            self.skip_reached(&mut line, &mut reach);
            grid.push(line);
            // Columns that were passed over by a short row count down too.
            let width = grid.last().map_or(0, Vec::len);
            reach.iter_mut().skip(width).for_each(|rows| *rows = rows.saturating_sub(1));
        }
        grid
    }

    /// Leaves out the columns that a cell above reaches into.
    fn skip_reached(&self, line: &mut Vec<String>, reach: &mut [usize]) {
        while let Some(rows) = reach.get_mut(line.len()).filter(|rows| **rows > 0) {
            *rows -= 1;
            line.push(String::new());
        }
    }

    fn span(&self, cell: NodeId, attribute: &str) -> usize {
        let span = self.dom.attribute(cell, attribute).and_then(|value| value.trim().parse().ok());
        span.unwrap_or(1).clamp(1, SPAN_MAX)
    }

    fn cell_text(&mut self, cell: NodeId) -> String {
        let mut run = Run::default();
        self.cell_blocks(cell, &mut run);
        run.write(Place::Cell)
    }

    /// A cell's blocks, one after the other with breaks between.
    fn cell_blocks(&mut self, parent: NodeId, run: &mut Run) {
        let mut next = self.dom.first_child(parent);
        while let Some(id) = next {
            next = self.dom.next_sibling(id);
            if self.is_left_out(id) {
                continue;
            }
            let tag = self.dom.tag(id);
            if !is_block(tag) && !self.holds_block(id) {
                self.inline(id, run);
                continue;
            }
            if !run.is_empty() {
                run.break_once();
            }
            match tag {
                "pre" => run.code(self.code_text(id).trim()),
                "li" if self.dom.first_child(id).is_some() => {
                    run.text("• ");
                    self.cell_blocks(id, run);
                }
                _ => self.cell_blocks(id, run),
            }
            if next.is_some() {
                run.break_once();
            }
        }
    }
}
