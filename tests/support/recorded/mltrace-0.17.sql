
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

CREATE TYPE public.pointertypeenum AS ENUM (
    'DATA',
    'MODEL',
    'ENDPOINT',
    'UNKNOWN'
);

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE public.component_run_dependencies (
    component_run_id integer NOT NULL,
    depends_on_component_run_id integer NOT NULL
);

CREATE TABLE public.component_runs (
    id integer NOT NULL,
    component_name character varying,
    notes character varying,
    git_hash character varying,
    git_tags bytea,
    code_snapshot bytea,
    start_timestamp timestamp without time zone,
    end_timestamp timestamp without time zone,
    stale bytea
);

CREATE SEQUENCE public.component_runs_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.component_runs_id_seq OWNED BY public.component_runs.id;

CREATE TABLE public.component_runs_inputs (
    input_path_name character varying,
    input_path_value bytea,
    component_run_id integer
);

CREATE TABLE public.component_runs_outputs (
    output_path_name character varying,
    output_path_value bytea,
    component_run_id integer
);

CREATE TABLE public.component_tags (
    component_name character varying,
    tag_name character varying
);

CREATE TABLE public.components (
    name character varying NOT NULL,
    description character varying,
    owner character varying
);

CREATE TABLE public.io_pointers (
    name character varying NOT NULL,
    value bytea NOT NULL,
    pointer_type public.pointertypeenum,
    flag boolean
);

CREATE TABLE public.tags (
    name character varying NOT NULL
);

ALTER TABLE ONLY public.component_runs ALTER COLUMN id SET DEFAULT nextval('public.component_runs_id_seq'::regclass);

INSERT INTO public.component_run_dependencies VALUES (3, 1);
INSERT INTO public.component_run_dependencies VALUES (4, 3);
INSERT INTO public.component_run_dependencies VALUES (7, 6);
INSERT INTO public.component_run_dependencies VALUES (8, 7);
INSERT INTO public.component_run_dependencies VALUES (8, 6);
INSERT INTO public.component_run_dependencies VALUES (9, 7);

INSERT INTO public.component_runs VALUES (1, 'etl', '', '3f786850e387550fdab836ed7e6dc881de23001b', '\x80059509000000000000005d948c02763194612e', NULL, '2026-05-01 06:00:00', '2026-05-01 06:10:00', '\x80055d942e');
INSERT INTO public.component_runs VALUES (2, 'etl', '', '3f786850e387550fdab836ed7e6dc881de23001b', '\x80059509000000000000005d948c02763194612e', NULL, '2026-05-21 06:00:00', '2026-05-21 06:10:00', '\x80055d942e');
INSERT INTO public.component_runs VALUES (3, 'train', 'weekly', '3f786850e387550fdab836ed7e6dc881de23001b', '\x80059509000000000000005d948c02763194612e', NULL, '2026-06-10 06:00:00', '2026-06-10 06:10:00', '\x80059574000000000000005d94288c1f65746c20284944203129207761732072756e20343020646179732061676f2e948c4a65746c2028494420312920686173203120667265736865722072756e207468617420626567616e206265666f7265207468697320636f6d706f6e656e742072756e20737461727465642e94652e');
INSERT INTO public.component_runs VALUES (4, 'infer', '', '3f786850e387550fdab836ed7e6dc881de23001b', '\x80059509000000000000005d948c02763194612e', NULL, '2026-06-11 06:00:00', '2026-06-11 06:10:00', '\x80055d942e');
INSERT INTO public.component_runs VALUES (5, 'etl', '', '3f786850e387550fdab836ed7e6dc881de23001b', '\x80059509000000000000005d948c02763194612e', NULL, '2026-06-12 06:00:00', '2026-06-12 06:10:00', '\x80055d942e');
INSERT INTO public.component_runs VALUES (6, 'etl', '', '3f786850e387550fdab836ed7e6dc881de23001b', '\x80059509000000000000005d948c02763194612e', NULL, '2026-06-13 06:00:00', '2026-06-13 06:10:00', '\x80055d942e');
INSERT INTO public.component_runs VALUES (7, 'train', '', '3f786850e387550fdab836ed7e6dc881de23001b', '\x80059509000000000000005d948c02763194612e', NULL, '2026-07-20 06:00:00', '2026-07-20 06:10:00', '\x80059526000000000000005d948c1f65746c20284944203629207761732072756e20333720646179732061676f2e94612e');
INSERT INTO public.component_runs VALUES (8, 'infer', '', '3f786850e387550fdab836ed7e6dc881de23001b', '\x80059509000000000000005d948c02763194612e', NULL, '2026-07-21 06:00:00', '2026-07-21 06:10:00', '\x80059526000000000000005d948c1f65746c20284944203629207761732072756e20333820646179732061676f2e94612e');
INSERT INTO public.component_runs VALUES (9, 'score', '', NULL, NULL, '\x2020202040436f6d706f6e656e74282273636f7265222c20226361726f6c222c202273636f726573206f6e6520637573746f6d657222292e72756e280a2020202020202020696e7075745f766172733d5b226d6f64656c225d2c206f75747075745f766172733d5b2273636f7265225d0a20202020290a202020206465662073636f726528293a0a20202020202020206d6f64656c203d20226d6f64656c732f636875726e2e6a6f626c696222202023206e6f71613a20463834310a202020202020202073636f7265203d202273636f72652d3122202023206e6f71613a20463834310a', '2026-11-21 00:44:07.551105', '2026-11-21 00:44:07.551185', '\x80059529000000000000005d948c22747261696e20284944203729207761732072756e2031323320646179732061676f2e94612e');

INSERT INTO public.component_runs_inputs VALUES ('data/raw.csv', '\x', 1);
INSERT INTO public.component_runs_inputs VALUES ('data/raw.csv', '\x', 2);
INSERT INTO public.component_runs_inputs VALUES ('data/features.csv', '\x', 3);
INSERT INTO public.component_runs_inputs VALUES ('models/churn.joblib', '\x', 4);
INSERT INTO public.component_runs_inputs VALUES ('data/raw.csv', '\x', 5);
INSERT INTO public.component_runs_inputs VALUES ('data/raw.csv', '\x', 6);
INSERT INTO public.component_runs_inputs VALUES ('data/features.csv', '\x', 7);
INSERT INTO public.component_runs_inputs VALUES ('models/churn.joblib', '\x', 8);
INSERT INTO public.component_runs_inputs VALUES ('models/churn.joblib', '\x', 9);

INSERT INTO public.component_runs_outputs VALUES ('data/features.csv', '\x', 1);
INSERT INTO public.component_runs_outputs VALUES ('data/features-eu.csv', '\x', 2);
INSERT INTO public.component_runs_outputs VALUES ('models/churn.joblib', '\x', 3);
INSERT INTO public.component_runs_outputs VALUES ('predictions-1', '\x', 4);
INSERT INTO public.component_runs_outputs VALUES ('predictions-2', '\x', 4);
INSERT INTO public.component_runs_outputs VALUES ('data/features.csv', '\x', 5);
INSERT INTO public.component_runs_outputs VALUES ('data/features.csv', '\x', 6);
INSERT INTO public.component_runs_outputs VALUES ('models/churn.joblib', '\x', 7);
INSERT INTO public.component_runs_outputs VALUES ('predictions-3', '\x', 8);
INSERT INTO public.component_runs_outputs VALUES ('score-1', '\x', 9);

INSERT INTO public.component_tags VALUES ('etl', 'churn');
INSERT INTO public.component_tags VALUES ('train', 'churn');
INSERT INTO public.component_tags VALUES ('infer', 'churn');

INSERT INTO public.components VALUES ('etl', 'the etl of churn', 'alice');
INSERT INTO public.components VALUES ('train', 'the train of churn', 'bob');
INSERT INTO public.components VALUES ('infer', 'the infer of churn', 'carol');
INSERT INTO public.components VALUES ('score', 'scores one customer', 'carol');

INSERT INTO public.io_pointers VALUES ('data/raw.csv', '\x', 'DATA', false);
INSERT INTO public.io_pointers VALUES ('data/features.csv', '\x', 'DATA', false);
INSERT INTO public.io_pointers VALUES ('data/features-eu.csv', '\x', 'DATA', false);
INSERT INTO public.io_pointers VALUES ('models/churn.joblib', '\x', 'MODEL', false);
INSERT INTO public.io_pointers VALUES ('predictions-2', '\x', 'UNKNOWN', false);
INSERT INTO public.io_pointers VALUES ('score-1', '\x', 'UNKNOWN', false);
INSERT INTO public.io_pointers VALUES ('predictions-1', '\x', 'UNKNOWN', true);
INSERT INTO public.io_pointers VALUES ('predictions-3', '\x', 'UNKNOWN', true);

INSERT INTO public.tags VALUES ('churn');

SELECT pg_catalog.setval('public.component_runs_id_seq', 9, true);

ALTER TABLE ONLY public.io_pointers
    ADD CONSTRAINT _iop_uc PRIMARY KEY (name, value);

ALTER TABLE ONLY public.component_run_dependencies
    ADD CONSTRAINT component_run_dependencies_pkey PRIMARY KEY (component_run_id, depends_on_component_run_id);

ALTER TABLE ONLY public.component_runs
    ADD CONSTRAINT component_runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.components
    ADD CONSTRAINT components_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tags_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.component_run_dependencies
    ADD CONSTRAINT component_run_dependencies_component_run_id_fkey FOREIGN KEY (component_run_id) REFERENCES public.component_runs(id);

ALTER TABLE ONLY public.component_run_dependencies
    ADD CONSTRAINT component_run_dependencies_depends_on_component_run_id_fkey FOREIGN KEY (depends_on_component_run_id) REFERENCES public.component_runs(id);

ALTER TABLE ONLY public.component_runs
    ADD CONSTRAINT component_runs_component_name_fkey FOREIGN KEY (component_name) REFERENCES public.components(name);

ALTER TABLE ONLY public.component_runs_inputs
    ADD CONSTRAINT component_runs_inputs_component_run_id_fkey FOREIGN KEY (component_run_id) REFERENCES public.component_runs(id);

ALTER TABLE ONLY public.component_runs_inputs
    ADD CONSTRAINT component_runs_inputs_input_path_name_input_path_value_fkey FOREIGN KEY (input_path_name, input_path_value) REFERENCES public.io_pointers(name, value);

ALTER TABLE ONLY public.component_runs_outputs
    ADD CONSTRAINT component_runs_outputs_component_run_id_fkey FOREIGN KEY (component_run_id) REFERENCES public.component_runs(id);

ALTER TABLE ONLY public.component_runs_outputs
    ADD CONSTRAINT component_runs_outputs_output_path_name_output_path_value_fkey FOREIGN KEY (output_path_name, output_path_value) REFERENCES public.io_pointers(name, value);

ALTER TABLE ONLY public.component_tags
    ADD CONSTRAINT component_tags_component_name_fkey FOREIGN KEY (component_name) REFERENCES public.components(name);

ALTER TABLE ONLY public.component_tags
    ADD CONSTRAINT component_tags_tag_name_fkey FOREIGN KEY (tag_name) REFERENCES public.tags(name);

