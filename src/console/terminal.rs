//! The terminal: taken over, and given back as it was, whatever happens.
//!
//! Given back when the [`Screen`] is dropped (leaving, errors, unwinding) and by the panic hook, so that a panic's
//! words are readable. Panics of background tasks are kept back: the screen is still in use, and shows them.

use super::model::{Drawn, Model};
use super::view;
use crate::config::Theme;
use crate::domain::text;
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    SetTitle, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute, queue};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use std::io::{self, IsTerminal, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

/// Whether the terminal is ours now.
static OURS: AtomicBool = AtomicBool::new(false);

/// What a background task's panic said, until the screen shows it.
static TROUBLE: Mutex<Option<String>> = Mutex::new(None);

tokio::task_local! {
    /// Set for the task that draws: its panics end the console, others' don't.
    static DRAWS: ();
}

/// The terminal in our hands.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    mouse: bool,
}

/// Whether standard input and output are a terminal.
pub fn available() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Marks a future as the one that draws.
pub async fn drawing<F: Future>(future: F) -> F::Output {
    DRAWS.scope((), future).await
}

/// What a background task's panic said, once.
pub fn trouble() -> Option<String> {
    TROUBLE.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// When it does not let itself be taken.
    pub fn enter(mouse: bool) -> io::Result<Self> {
        hook_panics();
        take(mouse)?;
        let terminal = blank().inspect_err(|_| give_back())?;
        Ok(Self { terminal, mouse })
    }

    /// Its columns and rows.
    pub fn size(&self) -> (u16, u16) {
        self.terminal.size().map_or((80, 24), |s| (s.width, s.height))
    }

    /// Draws the model.
    ///
    /// # Errors
    /// When the terminal has gone.
    pub fn draw(&mut self, model: &Model, theme: &Theme) -> io::Result<Drawn> {
        let mut drawn = Drawn::default();
        if self.terminal.size()? != self.terminal.get_frame().area().as_size() {
            self.clear()?;
        }
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        let result = self.terminal.draw(|frame| drawn = view::draw(frame, model, theme)).map(drop);
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        result.map(|()| drawn)
    }

    /// Draws everything again with the next drawing.
    ///
    /// # Errors
    /// When the terminal has gone.
    pub fn clear(&mut self) -> io::Result<()> {
        self.terminal = blank()?;
        execute!(self.terminal.backend_mut(), Clear(ClearType::All))
    }

    /// Rings the bell, and sends the desktop a notification (OSC 9).
    ///
    /// # Errors
    /// When the terminal has gone.
    pub fn ring(&mut self, words: &str) -> io::Result<()> {
        let words = text::fit(words, 200);
        let out = self.terminal.backend_mut();
        write!(out, "\x07\x1b]9;{words}\x07")?;
        Write::flush(out)
    }

    /// Gives the terminal back, stops the process until it is continued, and takes the terminal over again.
    ///
    /// # Errors
    /// When the process can't be stopped, or the terminal has gone.
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back();
        #[cfg(unix)]
        let stopped = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP);
        #[cfg(not(unix))]
        let stopped = Ok(());
        take(self.mouse)?;
        self.clear()?;
        stopped
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// A terminal of which nothing is drawn yet. Its area is fixed: where ratatui follows the size itself, it asks the
/// terminal where the cursor is, and waits for an answer that some never give.
fn blank() -> io::Result<Terminal<CrosstermBackend<Stdout>>> {
    let (width, height) = crossterm::terminal::size()?;
    let viewport = Viewport::Fixed(Rect::new(0, 0, width, height));
    Terminal::with_options(CrosstermBackend::new(io::stdout()), TerminalOptions { viewport })
}

fn take(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    OURS.store(true, Ordering::SeqCst);
    let mut out = io::stdout();
    let result = execute!(out, EnterAlternateScreen, EnableBracketedPaste, cursor::Hide, SetTitle("lazaret"));
    let result = result.and_then(|()| if mouse { execute!(out, EnableMouseCapture) } else { Ok(()) });
    result.inspect_err(|_| give_back())
}

/// Puts the terminal back as it was, if it is ours. Each step is tried whatever became of the one before.
fn give_back() {
    if !OURS.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    // There is nobody left to tell when the terminal has gone.
    let _ = execute!(out, EndSynchronizedUpdate);
    let _ = execute!(out, DisableMouseCapture);
    let _ = execute!(out, DisableBracketedPaste);
    let _ = execute!(out, LeaveAlternateScreen);
    let _ = execute!(out, cursor::Show);
    let _ = disable_raw_mode();
}

fn hook_panics() {
    static HOOKED: Once = Once::new();
    HOOKED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let ours = OURS.load(Ordering::SeqCst);
            if ours && DRAWS.try_with(|()| ()).is_err() && tokio::runtime::Handle::try_current().is_ok() {
                let place = panic.location().map(ToString::to_string).unwrap_or_default();
                let said = panic.payload_as_str().unwrap_or("no words");
                let mut trouble = TROUBLE.lock().unwrap_or_else(PoisonError::into_inner);
                *trouble = Some(text::fit(&format!("internal error at {place}: {said}"), 400));
                return;
            }
            give_back();
            before(panic);
        }));
    });
}
