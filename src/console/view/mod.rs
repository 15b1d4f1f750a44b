//! Drawing the model: one file a panel, each a function of area, model and theme. Nothing here changes anything, and
//! every text that others wrote goes through [`crate::domain::text`] first.

pub mod activity;
pub mod blocks;
pub mod credentials;
pub mod doc;
pub mod finding;
pub mod findings;
pub mod footer;
pub mod header;
pub mod help;
pub mod list;
pub mod menu;
pub mod messages;
pub mod palette;
pub mod plan;
pub mod quarantine;
pub mod question;
pub mod run;
pub mod status;
pub mod tabs;
pub mod words;

use super::layout::{MIN_HEIGHT, MIN_WIDTH};
use super::model::{Drawn, Model, Page, View};
use crate::config::{Role, Theme};
use ratatui::Frame;
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear};

/// Draws the whole screen, and says how far what it drew can be scrolled.
pub fn draw(frame: &mut Frame<'_>, model: &Model, theme: &Theme) -> Drawn {
    let area = frame.area();
    frame.render_widget(Block::new().style(theme.style(Role::Base)), area);
    let mut drawn = Drawn::default();
    if area.width < MIN_WIDTH || area.height < MIN_HEIGHT {
        let text = format!("lazaret needs {MIN_WIDTH}x{MIN_HEIGHT}; this is {}x{}", area.width, area.height);
        let line = Line::styled(crate::domain::text::fit(&text, area.width.into()), theme.style(Role::Warning));
        frame.render_widget(line, area);
        return drawn;
    }
    let screen = model.screen();
    header::draw(frame, screen.header, model, theme);
    tabs::draw(frame, screen.tabs, model, theme);
    if screen.list.width > 0 {
        match model.view {
            View::Findings => findings::draw(frame, screen.list, model, theme),
            View::Quarantine => quarantine::draw(frame, screen.list, model, theme),
            View::Blocks => blocks::draw(frame, screen.list, model, theme),
            View::Credentials => credentials::draw(frame, screen.list, model, theme),
            View::Activity => activity::draw(frame, screen.list, model, theme),
        }
    }
    if let Some(detail) = screen.detail {
        drawn.detail = match model.view {
            View::Findings => finding::draw(frame, detail, model, theme),
            View::Quarantine => quarantine::draw_detail(frame, detail, model, theme),
            View::Blocks => blocks::draw_detail(frame, detail, model, theme),
            View::Credentials => credentials::draw_detail(frame, detail, model, theme),
            View::Activity => activity::draw_detail(frame, detail, model, theme),
        };
    }
    status::draw(frame, screen.status, model, theme);
    footer::draw(frame, screen.footer, model, theme);
    if let Some(pane) = &model.pane {
        let area = super::layout::pane(&screen);
        frame.render_widget(Clear, area);
        drawn.pane = plan::draw(frame, area, model, pane, theme);
    }
    if let (Some(menu), None) = (&model.menu, &model.pane) {
        menu::draw(frame, screen.body, model, menu, theme);
    }
    if let Some(palette) = &model.palette {
        palette::draw(frame, screen.body, model, palette, theme);
    }
    if let Some(help) = &model.help {
        let area = super::layout::pane(&screen);
        frame.render_widget(Clear, area);
        drawn.help = match help.page {
            Page::Keys => help::draw(frame, area, model, help, theme),
            Page::Messages => messages::draw(frame, area, model, help, theme),
        };
    }
    if let Some(question) = &model.question {
        question::draw(frame, screen.body, model, question, theme);
    }
    drawn
}
