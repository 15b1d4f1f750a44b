//! The loop: what happens becomes messages, messages become effects, effects run on tasks of their own.
//!
//! Nothing here waits for AWS: reading the keyboard, folding messages and drawing is all this task does. Messages
//! that wait are folded together before the next drawing.

use super::effect::Effect;
use super::hands::Hands;
use super::model::{Model, Session};
use super::msg::{MouseAction, Msg, Signal};
use super::terminal::{self, Screen};
use super::update::update;
use super::{ConsoleError, Setup};
use crate::config::Key;
use crossterm::event::{Event, KeyEventKind, MouseButton, MouseEventKind};
use futures::FutureExt;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// How often time passes for the model. Ages are shown in seconds, and plans arm after a third of one.
const TICK: Duration = Duration::from_millis(250);

/// How many messages are folded before the next drawing at most, so that a flood still shows.
const FOLD: usize = 512;

/// How long commits are waited for after the screen has gone in a panic.
const AFTER_PANIC: Duration = Duration::from_secs(60);

/// Runs the console. `watch` sees every message before it is folded: for recordings and tests.
pub(super) async fn run(setup: Setup, mut watch: impl FnMut(&Msg)) -> Result<(), ConsoleError> {
    if !terminal::available() {
        return Err(ConsoleError::NoTerminal);
    }
    let mut screen = Screen::enter(setup.settings.console.mouse)?;
    let (send, receive) = unbounded_channel();
    let mut hands = Hands::new(setup.engine.clone(), setup.settings.quarantine.clone(), &setup.hubs, send)
        .reporting_to(setup.reports.clone())
        .keeping_evidence_in(setup.evidence.clone());
    let looped = AssertUnwindSafe(terminal::drawing(events(setup, &mut screen, &mut hands, receive, &mut watch)));
    let result = looped.catch_unwind().await;
    drop(screen);
    match result {
        Ok(result) => result,
        Err(panic) => {
            // The words are on the terminal; what was begun is still written down before the process goes.
            let _ = tokio::time::timeout(AFTER_PANIC, hands.committed()).await;
            std::panic::resume_unwind(panic)
        }
    }
}

async fn events(
    setup: Setup,
    screen: &mut Screen,
    hands: &mut Hands,
    mut receive: UnboundedReceiver<Msg>,
    watch: &mut impl FnMut(&Msg),
) -> Result<(), ConsoleError> {
    let clock = Arc::clone(setup.engine.clock());
    let mut model = Model::new(Session::new(&setup), clock.now(), screen.size());
    let theme = setup.theme;
    let mut input = Some(keyboard()?);
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut signals = Signals::new()?;
    let mut gone: Option<io::Error> = None;
    let mut effects = update(&mut model, Msg::Start);
    let (mut acted, mut drawn_at) = (true, 0);
    loop {
        for effect in effects.drain(..) {
            let done = match effect {
                Effect::Quit => return gone.map_or(Ok(()), |e| Err(e.into())),
                Effect::Redraw => screen.clear(),
                Effect::Ring(words) => screen.ring(&words),
                Effect::Suspend => {
                    let done = screen.suspend();
                    let (width, height) = screen.size();
                    hands.say(Msg::Resize(width, height));
                    done
                }
                other => {
                    hands.run(other);
                    Ok(())
                }
            };
            lose(&mut gone, done, hands);
        }
        // Of several changes in a row the last event may be lost: the terminal itself knows its size.
        let (width, height) = screen.size();
        if gone.is_none() && model.size != (width, height) {
            let resized = Msg::Resize(width, height);
            watch(&resized);
            effects = update(&mut model, resized);
            acted = true;
            continue;
        }
        let second = model.now.timestamp();
        // Time alone shows by the second, and by the moment in a pane that is arming itself.
        let stale = acted || second != drawn_at || model.pane.as_ref().is_some_and(|p| !p.armed(model.now));
        if gone.is_none() && stale {
            drawn_at = second;
            match screen.draw(&model, &theme) {
                Ok(drawn) => model.drawn = drawn,
                Err(error) => lose(&mut gone, Err(error), hands),
            }
        }
        let mut next = loop {
            tokio::select! {
                event = read(&mut input) => match event {
                    Some(event) => if let Some(msg) = from_event(&event) { break msg },
                    // Without a keyboard there is nobody here.
                    None => { input = None; break Msg::Signal(Signal::HangUp) }
                },
                Some(msg) = receive.recv() => break msg,
                signal = signals.next() => break Msg::Signal(signal),
                _ = ticks.tick() => break terminal::trouble().map_or_else(|| Msg::Tick(clock.now()), Msg::Trouble),
            }
        };
        acted = false;
        for _ in 0..FOLD {
            acted |= !matches!(next, Msg::Tick(_));
            watch(&next);
            effects.extend(update(&mut model, next));
            let waiting = receive.try_recv().ok().or_else(|| {
                let event = input.as_mut()?.try_recv().ok()?;
                from_event(&event)
            });
            match waiting {
                Some(msg) => next = msg,
                None => break,
            }
        }
    }
}

/// What is typed, read by a thread of its own: where the terminal is gone, crossterm 0.29 may read on without end and
/// never return, and whoever asked it would be stuck (its issue 793). The thread goes with the process.
fn keyboard() -> io::Result<UnboundedReceiver<Event>> {
    let (send, receive) = unbounded_channel();
    std::thread::Builder::new().name("keyboard".into()).spawn(move || {
        while let Ok(event) = crossterm::event::read() {
            if send.send(event).is_err() {
                break;
            }
        }
    })?;
    Ok(receive)
}

/// The next event; never, where there is no keyboard.
async fn read(input: &mut Option<UnboundedReceiver<Event>>) -> Option<Event> {
    match input {
        Some(events) => events.recv().await,
        None => std::future::pending().await,
    }
}

/// Notes that the terminal has gone, and begins to leave.
fn lose(gone: &mut Option<io::Error>, done: io::Result<()>, hands: &Hands) {
    if let Err(error) = done
        && gone.is_none()
    {
        *gone = Some(error);
        hands.say(Msg::Signal(Signal::HangUp));
    }
}

fn from_event(event: &Event) -> Option<Msg> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => Key::from_event(key).map(Msg::Key),
        Event::Paste(text) => Some(Msg::Paste(text.clone())),
        Event::Resize(width, height) => Some(Msg::Resize(*width, *height)),
        Event::Mouse(mouse) => {
            let action = match mouse.kind {
                MouseEventKind::Down(MouseButton::Left) => MouseAction::Click,
                MouseEventKind::ScrollDown => MouseAction::WheelDown,
                MouseEventKind::ScrollUp => MouseAction::WheelUp,
                _ => return None,
            };
            Some(Msg::Mouse(action, mouse.column, mouse.row))
        }
        _ => None,
    }
}

/// The system's signals.
#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
    stop: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            stop: signal(SignalKind::from_raw(signal_hook::consts::SIGTSTP))?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Terminate,
            _ = self.hang_up.recv() => Signal::HangUp,
            _ = self.stop.recv() => Signal::Suspend,
        }
    }
}

/// Elsewhere only Ctrl-C is a signal, and raw mode makes that a key.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Signal {
        std::future::pending().await
    }
}
